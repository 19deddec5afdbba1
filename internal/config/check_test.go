package config

import (
	"errors"
	"testing"
)

// TestCheck: an answer is judged by the rule of its setting, before anything is
// written.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		good       bool
	}{
		{"user_pool_id", "us-east-1_Ab12Cd34E", true},
		{"user_pool_id", "us east", false},
		{"api_url", "https://api.example.com/v1", true},
		{"api_url", "http://api.example.com", false},
		{"client_secret", "", true},
		{"no_such_setting", "x", false},
	} {
		err := Check(row.name, row.text)
		if (err == nil) != row.good {
			t.Errorf("Check(%q, %q): %v", row.name, row.text, err)
		}
		var value *ValueError
		if err != nil && row.name != "no_such_setting" && (!errors.As(err, &value) || value.Field != row.name) {
			t.Errorf("Check(%q, %q): %v is no ValueError of it", row.name, row.text, err)
		}
	}
}
