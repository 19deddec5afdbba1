package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

// MaxFile is the most bytes a sandbox's own file may have.
const MaxFile = 1 << 20

// FileError says where a sandbox's own file is wrong.
type FileError struct {
	Line, Column int // counted from 1, columns in bytes; 0 when the place is not known
	Err          error
}

func (e *FileError) Error() string { return e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// Place is ":LINE:COLUMN", to go behind the file's name.
func (e *FileError) Place() string {
	switch {
	case e.Line == 0:
		return ""
	case e.Column == 0:
		return fmt.Sprintf(":%d", e.Line)
	}
	return fmt.Sprintf(":%d:%d", e.Line, e.Column)
}

// ParseSeed reads a sandbox's own file: TOML with the pools, the routes and the
// usage plans. What it does not name is as in [DefaultSeed]: a file with routes
// alone has the default pool. dir is the folder that files of handlers are
// relative to. The error is a *FileError; it holds no value of the file but
// routes' own.
func ParseSeed(data []byte, dir string) (Seed, error) {
	if len(data) > MaxFile {
		return Seed{}, &FileError{Err: fmt.Errorf("it has more than %d bytes", MaxFile)}
	}
	var f seedFile
	decoder := toml.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return Seed{}, fileError(err)
	}
	seed := DefaultSeed()
	if len(f.Pools) > 0 {
		seed.Pools = nil
		for _, p := range f.Pools {
			seed.Pools = append(seed.Pools, p.pool())
		}
		seed.API.Region = "" // that of the pool
		seed.complete()
	}
	f.identities(&seed)
	if f.API != nil {
		seed.API = f.API.or(seed.API)
	}
	if f.UsagePlans != nil {
		seed.UsagePlans = f.UsagePlans
	}
	if f.Routes != nil {
		seed.Routes = f.routes(dir)
	}
	return seed, seed.check(headers(data, "routes"))
}

// check looks at what the listeners would stumble over. lines are those of the
// routes, as far as they are known.
func (s Seed) check(lines []int) error {
	for i, r := range s.Routes {
		err := r.check()
		if err == nil && r.Pool != "" && !slices.ContainsFunc(s.Pools, func(p Pool) bool { return p.ID == r.Pool }) {
			err = fmt.Errorf("there is no user pool %q", r.Pool)
		}
		if j := slices.IndexFunc(s.Routes[:i], r.same); err == nil && j >= 0 {
			err = errors.New("the route is there already")
			if j < len(lines) {
				err = fmt.Errorf("%w, in line %d", err, lines[j])
			}
		}
		if err == nil {
			continue
		}
		e := &FileError{Err: fmt.Errorf("%s: %w", r.title(i), err)}
		if i < len(lines) {
			e.Line = lines[i]
		}
		return e
	}
	for i, p := range s.UsagePlans {
		if err := p.check(); err != nil {
			return &FileError{Err: fmt.Errorf("usage plan %d: %w", i+1, err)}
		}
	}
	for i, p := range s.Pools {
		if !isPoolID(p.ID) {
			return &FileError{Err: fmt.Errorf("pool %d: the id %q is none: it reads region_name, such as %s", i+1, p.ID, DefaultPoolID)}
		}
		if err := p.check(); err != nil {
			return &FileError{Err: fmt.Errorf("pool %s: %w", p.ID, err)}
		}
	}
	return nil
}

// headers are the lines of the [[name]] headers.
func headers(data []byte, name string) []int {
	var lines []int
	var p unstable.Parser
	p.Reset(data)
	for p.NextExpression() {
		n := p.Expression()
		if n.Kind != unstable.ArrayTable {
			continue
		}
		key := n.Key()
		if !key.Next() {
			continue
		}
		first := key.Node()
		if string(first.Data) == name && !key.Next() {
			lines = append(lines, 1+bytes.Count(data[:first.Raw.Offset], []byte("\n")))
		}
	}
	return lines
}

// fileError words an error of the TOML decoder without Go's names in it.
func fileError(err error) error {
	var strict *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case errors.As(err, &strict) && len(strict.Errors) > 0:
		first := strict.Errors[0]
		line, column := first.Position()
		key := strings.Join(first.Key(), ".")
		return &FileError{line, column, fmt.Errorf("unknown key %q%s", key, known(first.Key()))}
	case errors.As(err, &decode):
		line, column := decode.Position()
		reason := strings.TrimPrefix(decode.Error(), "toml: ")
		if rest, found := strings.CutPrefix(reason, "cannot decode TOML "); found {
			kind, _, _ := strings.Cut(rest, " into ")
			reason = fmt.Sprintf("%s takes no %s", strings.Join(decode.Key(), "."), kind)
		}
		return &FileError{line, column, errors.New(reason)}
	}
	return &FileError{Err: errors.New(strings.TrimPrefix(err.Error(), "toml: "))}
}

// known lists the keys of the table that an unknown one stands in.
func known(path []string) string {
	at := reflect.TypeFor[seedFile]()
	for _, part := range path[:len(path)-1] {
		next, found := keysOf(at)[part]
		if !found {
			return ""
		}
		for next.Kind() == reflect.Pointer || next.Kind() == reflect.Slice {
			next = next.Elem()
		}
		if at = next; at.Kind() != reflect.Struct {
			return ""
		}
	}
	var names []string
	for name := range keysOf(at) {
		names = append(names, name)
	}
	slices.Sort(names)
	return ": there are " + strings.Join(names, ", ")
}

// keysOf are the keys of a table that is read into a struct.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if name != "" && name != "-" && keys[name] == nil {
			keys[name] = f.Type
		}
	}
	return keys
}

// seedFile is a Seed as the file has it: with durations as text.
type seedFile struct {
	Pools      []poolFile  `toml:"pools"`
	API        *apiFile    `toml:"api"`
	Routes     []routeFile `toml:"routes"`
	UsagePlans []UsagePlan `toml:"usage_plans"`

	IdentityPools []store.IdentityPool `toml:"identity_pools"`
	Roles         []roleFile           `toml:"roles"`
	Secrets       []store.Secret       `toml:"secrets"`
	Parameters    []store.Parameter    `toml:"parameters"`
}

type roleFile struct {
	store.Role
	MaxSession span `toml:"max_session"`
}

// identities puts what the file says of identity pools, roles and secrets into the
// place of what goes with the first pool.
func (f seedFile) identities(seed *Seed) {
	if f.IdentityPools != nil {
		seed.IdentityPools = f.IdentityPools
	}
	if f.Roles != nil {
		seed.Roles = nil
		for _, r := range f.Roles {
			role := r.Role
			role.MaxSession = r.MaxSession.Duration
			seed.Roles = append(seed.Roles, role)
		}
	}
	if f.Secrets != nil {
		seed.Secrets = f.Secrets
	}
	if f.Parameters != nil {
		seed.Parameters = f.Parameters
	}
}

type poolFile struct {
	Pool
	TemporaryPasswordValidity span         `toml:"temporary_password_validity"`
	Clients                   []clientFile `toml:"clients"`
}

type clientFile struct {
	Client
	AccessTokenValidity  span `toml:"access_token_validity"`
	IDTokenValidity      span `toml:"id_token_validity"`
	RefreshTokenValidity span `toml:"refresh_token_validity"`
	AuthSessionValidity  span `toml:"auth_session_validity"`
	RetryGrace           span `toml:"retry_grace"`
}

func (f poolFile) pool() Pool {
	p := f.Pool
	p.TemporaryPasswordValidity = f.TemporaryPasswordValidity.Duration
	p.Clients = nil
	for _, c := range f.Clients {
		client := c.Client
		client.AccessTokenValidity, client.IDTokenValidity = c.AccessTokenValidity.Duration, c.IDTokenValidity.Duration
		client.RefreshTokenValidity, client.AuthSessionValidity = c.RefreshTokenValidity.Duration, c.AuthSessionValidity.Duration
		client.RetryGrace = c.RetryGrace.Duration
		p.Clients = append(p.Clients, client)
	}
	return p
}

type apiFile struct{ APISettings }

// or fills in what the file leaves out.
func (f apiFile) or(base APISettings) APISettings {
	a := f.APISettings
	for _, d := range []struct{ to, from *string }{
		{&a.Region, &base.Region}, {&a.AccountID, &base.AccountID}, {&a.ID, &base.ID}, {&a.Stage, &base.Stage},
	} {
		if *d.to == "" {
			*d.to = *d.from
		}
	}
	return a
}

type routeFile struct {
	Route
	TTL     *span `toml:"ttl"`
	Timeout span  `toml:"timeout"`
}

func (f seedFile) routes(dir string) []Route {
	routes := []Route{}
	for _, r := range f.Routes {
		route := r.Route
		if r.TTL != nil {
			route.TTL = &r.TTL.Duration
		}
		route.Handler.Timeout, route.Handler.Dir = r.Timeout.Duration, dir
		routes = append(routes, route)
	}
	return routes
}

// span is a duration in Go's notation, as in "90s".
type span struct{ time.Duration }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *span) UnmarshalText(text []byte) (err error) {
	if s.Duration, err = time.ParseDuration(string(text)); err != nil {
		err = fmt.Errorf("a duration is text such as \"90s\", not %q", text)
	}
	return err
}

func isPoolID(id string) bool {
	_, err := srp.PoolName(id)
	return err == nil
}
