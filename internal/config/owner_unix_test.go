//go:build unix

package config

import "testing"

func TestJudgeOwner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		owner, user int
		fine        bool
	}{{1000, 1000, true}, {0, 1000, true}, {0, 0, true}, {1001, 1000, false}, {1000, 0, false}} {
		if err := judgeOwner("config.toml", c.owner, c.user); (err == nil) != c.fine {
			t.Errorf("owner %d, user %d: %v", c.owner, c.user, err)
		}
	}
}
