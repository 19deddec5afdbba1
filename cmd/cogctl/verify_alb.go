package main

import "github.com/cogctl/cogctl/internal/jwt"

func (a *app) balancerKeys(arn, prefix string) (jwt.KeySet, string, error) {
	return nil, "", usagef("not yet %s %s", arn, prefix)
}
