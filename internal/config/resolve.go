package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Resolve finds every setting for one run. The warnings are for the person and
// do not stop the work: mistakes in profiles not in use, a secret written out
// in the file, a region that contradicts the pool id. All errors are about
// settings; several are told at once, a line each.
func (f *File) Resolve(in Inputs) (*Profile, []string, error) {
	chosen, err := f.choose(in)
	if err != nil {
		return nil, nil, err
	}
	r := resolution{
		file: f, in: in,
		profile: &Profile{name: chosen.Text, values: map[string]Value{}, lists: map[string][]string{}},
	}
	r.profile.values["profile"] = chosen
	if chosen.Text != "" {
		if r.chain, err = f.chain(f.doc.byName[chosen.Text]); err != nil {
			return nil, nil, err
		}
	}
	r.judgeSections()
	if len(r.failures) == 0 {
		for _, field := range table() {
			if field.Name != "profile" {
				r.resolve(field)
			}
		}
		r.apis()
		r.answers()
		r.logins()
		r.fillings()
		r.region()
		r.hintAtProfiles()
	}
	if len(r.failures) > 0 {
		return nil, r.warnings, errors.Join(r.failures...)
	}
	if _, err := r.profile.API(""); err != nil {
		return nil, r.warnings, err
	}
	return r.profile, r.warnings, nil
}

// choose picks the profile: flag, variable, default_profile, the only one.
func (f *File) choose(in Inputs) (Value, error) {
	v := f.defaultProfile()
	if name := in.Getenv("COGCTL_PROFILE"); name != "" {
		v = Value{name, Origin{KindEnv, "COGCTL_PROFILE"}}
	}
	if name, given := in.Flags["profile"]; given {
		v = Value{name, Origin{KindFlag, "--profile"}}
		if name == "" { // --profile "$UNSET" must not fall back to another account
			return Value{}, errors.New("--profile is given without a name")
		}
	}
	if v.Text != "" && !f.Has(v.Text) {
		return Value{}, &UnknownProfileError{Name: v.Text, Origin: v.Origin, Path: f.path, Names: f.Names()}
	}
	return v, nil
}

// resolution is one run of Resolve.
type resolution struct {
	file     *File
	in       Inputs
	chain    []*section // the profile in use and what it inherits
	profile  *Profile
	failures []error
	warnings []string
}

func (r *resolution) judgeSections() {
	for _, problem := range r.file.strayProblems() {
		r.failures = append(r.failures, errors.New(problem))
	}
	for _, s := range r.file.doc.sections {
		for _, problem := range r.file.problems(s) {
			if slices.Contains(r.chain, s) {
				r.failures = append(r.failures, errors.New(problem))
			} else {
				r.warnings = append(r.warnings, problem)
			}
		}
	}
}

// found is a value as it was given, before it is judged.
type found struct {
	text   string
	items  []string
	origin Origin
	place  string // where to change it
}

// lookup asks flag, variable, profile and default, in this order.
func (r *resolution) lookup(f Field) (found, bool) {
	if text, given := r.in.Flags[f.Name]; given {
		place := "--" + f.Flag
		if f.Flag == "" {
			place = "the command line"
		}
		return found{text, items(text), Origin{KindFlag, place}, place}, true
	}
	if f.Env != "" {
		if text := r.in.Getenv(f.Env); text != "" {
			return found{text, items(text), Origin{KindEnv, f.Env}, f.Env}, true
		}
	}
	if f.Key != "" {
		for _, s := range r.chain {
			if e, ok := s.find(f.Key); ok {
				return r.given(s, e), true
			}
		}
	}
	if f.Default != "" {
		return found{f.Default, items(f.Default), Origin{KindDefault, "default"}, "default"}, true
	}
	return found{}, false
}

// given is a value as the file has it.
func (r *resolution) given(s *section, e entry) found {
	v := found{e.value, e.items, r.file.origin(s, e), r.file.place(e.at)}
	if e.shape == shapeList {
		v.text = strings.Join(e.items, " ")
	}
	return v
}

func (r *resolution) resolve(f Field) {
	v, ok := r.lookup(f)
	if !ok {
		return
	}
	value, err := r.judge(f, v)
	if f.Name == "username" && v.origin.Kind == KindFlag && v.text == "" {
		err = errors.New("nothing is given") // --username "$UNSET" must not mean somebody else, or nobody
	}
	if err != nil {
		r.failures = append(r.failures, &ValueError{Field: f.Name, Origin: v.origin, Place: v.place, Err: err})
		return
	}
	r.profile.values[f.Name] = value
	if f.List {
		r.profile.lists[f.Name] = v.items
	}
	r.warnLiteral(f.Name, f, v)
}

// warnLiteral warns of a secret that stands in the file.
func (r *resolution) warnLiteral(name string, f Field, v found) {
	if f.Secret && v.origin.Kind == KindFile && v.text != "" && !IsReference(v.text) {
		r.warnings = append(r.warnings, fmt.Sprintf(
			"%s: %s stands in the file itself; a reference keeps it out: \"env:NAME\", \"file:PATH\" or \"cmd:PROGRAM ARGUMENTS\"",
			v.place, name))
	}
}

// judge checks a value against its field. The error never tells a secret.
func (r *resolution) judge(f Field, v found) (Value, error) {
	if v.origin.Kind == KindFile && !f.Secret && f.Name != "from" && !f.List && IsReference(v.text) {
		return Value{}, errors.New("takes no reference; only secrets do")
	}
	if f.List {
		return Value{strings.Join(v.items, " "), v.origin}, f.checkAll(v.items)
	}
	text, err := f.normal(v.text)
	return Value{text, v.origin}, err
}

// region reads the region off a pool id when it was not given.
func (r *resolution) region() {
	pool, identity := r.profile.Get("user_pool_id"), r.profile.Get("identity_pool_id")
	region, source, what := regionOf(pool.Text, "_"), pool, "user pool id"
	if region == "" {
		region, source, what = regionOf(identity.Text, ":"), identity, "identity pool id"
	}
	given := r.profile.Get("region")
	switch {
	case region == "":
	case given.Origin.Kind == KindFlag: // of the API, whose region need not be the pool's
	case !given.Set():
		r.profile.values["region"] = Value{region, Origin{KindDerived, "the " + what + ", " + source.Origin.Text}}
	case given.Text != region && strings.Count(region, "-") >= 2: // emulators put other words there
		r.warnings = append(r.warnings, fmt.Sprintf("region is %s (%s), but the %s %s (%s) is of %s",
			given.Text, given.Origin.Text, what, source.Text, source.Origin.Text, region))
	}
}

// hintAtProfiles explains an empty configuration when profiles are there but
// none is chosen.
func (r *resolution) hintAtProfiles() {
	p := r.profile
	if p.name != "" || len(r.file.doc.sections) == 0 || p.Get("user_pool_id").Set() || p.Get("issuer").Set() {
		return
	}
	r.warnings = append(r.warnings, fmt.Sprintf("%s has no default_profile, so none of its profiles is used: choose with --profile one of %s",
		r.file.path, strings.Join(r.file.Names(), ", ")))
}
