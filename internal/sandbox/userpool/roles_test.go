package userpool

import (
	"fmt"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// TestAddRoles: the preferred role is there only when one is.
func TestAddRoles(t *testing.T) {
	t.Parallel()
	one, also, two := 1, 1, 2
	for _, tt := range []struct {
		name   string
		groups []store.Group
		want   string
	}{
		{"none", nil, "map[]"},
		{"no role", []store.Group{{Name: "a", Precedence: &one}}, "map[]"},
		{"one", []store.Group{{Name: "a", RoleARN: "A"}}, "map[cognito:preferred_role:A cognito:roles:[A]]"},
		{"the first", []store.Group{{Name: "a", RoleARN: "A", Precedence: &one}, {Name: "b", RoleARN: "B", Precedence: &two}, {Name: "c", RoleARN: "C"}}, "map[cognito:preferred_role:A cognito:roles:[A B C]]"},
		{"a tie", []store.Group{{Name: "a", RoleARN: "A", Precedence: &one}, {Name: "b", RoleARN: "B", Precedence: &also}}, "map[cognito:roles:[A B]]"},
		{"a tie without a precedence", []store.Group{{Name: "a", RoleARN: "A"}, {Name: "b", RoleARN: "B"}}, "map[cognito:roles:[A B]]"},
		{"a tie of one role", []store.Group{{Name: "a", RoleARN: "A", Precedence: &one}, {Name: "b", RoleARN: "A", Precedence: &also}}, "map[cognito:preferred_role:A cognito:roles:[A]]"},
		{"a tie further back", []store.Group{{Name: "a", RoleARN: "A", Precedence: &one}, {Name: "b", RoleARN: "B"}, {Name: "c", RoleARN: "C"}}, "map[cognito:preferred_role:A cognito:roles:[A B C]]"},
		{"more important without a role", []store.Group{{Name: "a", Precedence: &one}, {Name: "b", RoleARN: "B", Precedence: &two}}, "map[cognito:preferred_role:B cognito:roles:[B]]"},
	} {
		claims := map[string]any{}
		addRoles(claims, tt.groups)
		if got := fmt.Sprint(claims); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
