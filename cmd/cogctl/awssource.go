package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/config"
)

// awsMargin is how long AWS credentials must still serve to be handed out.
const awsMargin = 5 * time.Minute

// awsOptions say whose AWS credentials are meant.
type awsOptions struct {
	caller        bool   // the caller's own, whatever the profile has
	callerProfile string // the caller's own, by a profile of ~/.aws
	guest         bool   // the identity pool's for nobody in particular
	role          string // which of the identity's roles; an ARN
}

func (o *awsOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.caller, "aws", false, "use your own AWS credentials (environment, ~/.aws, instance), not the identity pool's")
	cmd.Flags().StringVar(&o.callerProfile, "aws-profile", "", "use your own AWS credentials, of this profile of ~/.aws")
	cmd.Flags().BoolVar(&o.guest, "guest", false, "be a guest of the identity pool: send no login")
	cmd.Flags().StringVar(&o.role, "role", "", "the ARN of the role to have, where the identity pool has several for you")
}

// check refuses what contradicts itself.
func (o awsOptions) check() error {
	switch own := o.caller || o.callerProfile != ""; {
	case own && o.guest:
		return usagef("--guest is for the identity pool, and --aws for your own AWS credentials: choose one")
	case own && o.role != "":
		return usagef("--role is for the identity pool, and --aws for your own AWS credentials: choose one")
	}
	return nil
}

// awsSource is where AWS credentials come from: the profile's identity pool, or the
// caller's own chain, by --aws or where there is no identity pool. from is for
// people: "identity pool us-east-1:…", "your own AWS credentials". The source may be
// asked again whenever credentials are wanted; it never asks a person.
func (a *app) awsSource(p *config.Profile, o awsOptions) (source awscred.Source, from string, err error) {
	if err := o.check(); err != nil {
		return nil, "", err
	}
	own := o.caller || o.callerProfile != ""
	if own || !p.Get("identity_pool_id").Set() {
		if !own && (o.guest || o.role != "") {
			return nil, "", hinted(usagef("no identity pool to be a guest of, or to have a role from"),
				"set identity_pool_id in the profile, or COGCTL_IDENTITY_POOL_ID")
		}
		return a.callerSource(p, o.callerProfile)
	}
	id, err := a.identity(p, o)
	if err != nil {
		return nil, "", err
	}
	return id.credentials, id.from(), nil
}

// callerSource is the caller's own chain. The SDK looks again when what it found
// last is about to end.
func (a *app) callerSource(p *config.Profile, profile string) (awscred.Source, string, error) {
	from := "your own AWS credentials"
	if profile != "" {
		from = fmt.Sprintf("your own AWS credentials (profile %s of ~/.aws)", profile)
	}
	if err := a.refuseAWSLoop(profile); err != nil {
		return nil, "", err
	}
	caller := awscred.Caller{Region: p.Get("region").Text, Profile: profile}
	adopt := sync.OnceFunc(func() { a.waitForAWS(profile) })
	var mutex sync.Mutex
	var last awscred.Credentials
	return func(ctx context.Context) (awscred.Credentials, error) {
		mutex.Lock()
		defer mutex.Unlock()
		if last.GoodFor(a.now(), awsMargin) {
			return last, nil
		}
		adopt()
		found, err := caller.Find(ctx)
		if err == nil {
			last = a.seenAWS(found)
		}
		return found, err
	}, from, nil
}

// seenAWS makes the secrets known to the redactor.
func (a *app) seenAWS(c awscred.Credentials) awscred.Credentials {
	a.redactor.Add(c.SecretAccessKey, c.SessionToken)
	return c
}
