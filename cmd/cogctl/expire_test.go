package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

// scriptExpire makes the tokens of every stored session look expired, as an
// hour's wait would, or about to expire.
func scriptExpire(ts *testscript.TestScript, _ bool, args []string) {
	left := -time.Minute
	if len(args) > 0 {
		var err error
		left, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	ts.Check(expireSessions(ts.Getenv("COGCTL_CONFIG_DIR"), left))
}

func expireSessions(configDir string, left time.Duration) error {
	dir := cache.Open[auth.Session](cache.Options{Path: filepath.Join(configDir, "sessions"), Now: time.Now})
	records, err := dir.List()
	if err != nil {
		return err
	}
	for _, record := range records {
		_, err := dir.Update(context.Background(), record.Key, func(_ context.Context, s auth.Session, _ bool) (auth.Session, error) {
			s.Expires = time.Now().Add(left)
			return s, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
