// Command sign measures how fast requests are signed: beside the signer of AWS's
// own SDK for Go, in one process, on the same request, in turn; and how long a
// whole cogctl takes that sends one signed request, beside curl and the AWS CLI.
//
//	go run ./bench/sign          print the figures
//	go run ./bench/sign -check   and exit 1 when a bar is missed
//
// A ratio holds on any machine, a time does not: the bars are ratios of medians.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// rateBar is how many signatures a second we make at least for each of theirs.
const rateBar = 1.0

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	body   = `{"k":"v"}`
)

var errMissed = errors.New("a bar is missed")

type options struct {
	rounds, each, pairs int
	check               bool
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 41, "how many `times` each signer has its turn")
	flag.IntVar(&o.each, "each", 2000, "how many `signatures` a turn has")
	flag.IntVar(&o.pairs, "pairs", 40, "how many `times` cogctl and curl run in turn; the AWS CLI a twelfth of it, 0 leaves both out")
	flag.BoolVar(&o.check, "check", false, "exit 1 when a bar is missed")
	flag.Parse()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/sign:", err)
		os.Exit(1)
	}
}

func run(o options, out io.Writer) error {
	missed, err := signers(o, out)
	if err == nil && o.pairs > 0 {
		var slow bool
		slow, err = processes(o, out)
		missed = missed || slow
	}
	if err == nil && missed && o.check {
		err = errMissed
	}
	return err
}

// signers prints the race of the two signers. A missed bar has five more tries:
// other work on the machine takes from either, but a signer that is too slow
// misses each time.
func signers(o options, out io.Writer) (missed bool, err error) {
	ours, theirs, err := contestants()
	if err != nil {
		return false, err
	}
	for range 6 {
		us, they, err := race(o, ours, theirs)
		if err != nil {
			return false, err
		}
		rate := float64(they.time) / float64(us.time)
		fmt.Fprintf(out, "signer   %7.0f ns %3d allocations   aws-sdk-go-v2 %7.0f ns %3d allocations   signatures a second %.2f of theirs (bar %.1f)\n",
			float64(us.time.Nanoseconds()), us.allocations, float64(they.time.Nanoseconds()), they.allocations, rate, rateBar)
		if missed = rate < rateBar || us.allocations >= they.allocations; !missed {
			break
		}
	}
	return missed, nil
}

// contestants are the two signers, each with a request of its own to sign again
// and again. They must agree on the signature, or they do not do the same work.
func contestants() (ours, theirs func() error, err error) {
	hash := sigv4.PayloadHash([]byte(body))
	at := time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)
	one, err := newRequest()
	if err != nil {
		return nil, nil, err
	}
	other, err := newRequest()
	if err != nil {
		return nil, nil, err
	}
	signer := &sigv4.Signer{SignAll: true}
	c := sigv4.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: "SESSIONTOKEN"}
	ours = func() error {
		one.Header.Del("X-Amz-Date")
		_, err := signer.Sign(one, hash, c, sigv4.Scope{Region: "us-east-1", Service: "execute-api"}, at)
		return err
	}
	sdk := v4.NewSigner()
	sdkCredentials := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: "SESSIONTOKEN"}
	theirs = func() error {
		other.Header.Del("X-Amz-Date")
		return sdk.SignHTTP(context.Background(), sdkCredentials, other, hash, "execute-api", "us-east-1", at)
	}
	if err := errors.Join(ours(), theirs()); err != nil {
		return nil, nil, err
	}
	if a, b := one.Header.Get("Authorization"), other.Header.Get("Authorization"); a != b {
		return nil, nil, fmt.Errorf("the signatures differ:\nours   %s\ntheirs %s", a, b)
	}
	return ours, theirs, nil
}

func newRequest() (*http.Request, error) {
	r, err := http.NewRequest("POST", "https://abc123.execute-api.us-east-1.amazonaws.com/prod/items/a%20b?b=2&a=%2Fx", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	return r, nil
}

// cost is one signature: the median of the turns, and its allocations.
type cost struct {
	time        time.Duration
	allocations uint64
}

// race gives each signer its turns, one after the other. The first two turns only
// warm up.
func race(o options, ours, theirs func() error) (us, they cost, err error) {
	const warmUp = 2
	var times [2][]time.Duration
	for i := range o.rounds + warmUp {
		for who, sign := range []func() error{ours, theirs} {
			took, allocations, err := turn(o.each, sign)
			if err != nil {
				return us, they, err
			}
			if i >= warmUp {
				times[who] = append(times[who], took)
			}
			[]*cost{&us, &they}[who].allocations = allocations
		}
	}
	us.time, they.time = median(times[0]), median(times[1])
	return us, they, nil
}

// turn is the time and the allocations of one signature out of many.
func turn(each int, sign func() error) (time.Duration, uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range each {
		if err := sign(); err != nil {
			return 0, 0, err
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return took / time.Duration(each), (after.Mallocs - before.Mallocs) / uint64(each), nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
