package atomicfile

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// tempSuffix ends the name of every temp file: NAME.<16 hex digits>.tmp.
const tempSuffix = ".tmp"

// TempOf returns the name of the file that a temp file was going to replace,
// and false for a name that is not one of a temp file of this package.
func TempOf(temp string) (name string, ok bool) {
	rest, ok := strings.CutSuffix(temp, tempSuffix)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot <= 0 {
		return "", false
	}
	random, err := hex.DecodeString(rest[dot+1:])
	return rest[:dot], err == nil && len(random) == 8
}

// Rename gives a file another name in the same directory, replacing what has
// that name, and syncs the directory.
func (d *Dir) Rename(oldName, newName string) error {
	if err := errors.Join(checkName(oldName), checkName(newName), d.refusal); err != nil {
		return err
	}
	if err := d.rename(oldName, newName); err != nil {
		return err
	}
	return syncDir(d.handle)
}

func (d *Dir) rename(oldName, newName string) error {
	return d.locate(retrySharing(func() error { return d.root.Rename(oldName, newName) }))
}

func (d *Dir) remove(name string) error {
	return d.locate(retrySharing(func() error { return d.root.Remove(name) }))
}

// Touch sets the modification time of a file, from which [Dir.Sweep] counts.
func (d *Dir) Touch(name string, at time.Time) error {
	if err := errors.Join(checkName(name), d.refusal); err != nil {
		return err
	}
	return d.locate(d.root.Chtimes(name, at, at))
}

// Remove removes a file and syncs the directory; the error is fs.ErrNotExist
// when there is none.
func (d *Dir) Remove(name string) error {
	if err := errors.Join(checkName(name), d.refusal); err != nil {
		return err
	}
	if err := d.remove(name); err != nil {
		return err
	}
	return syncDir(d.handle)
}

// Names lists what is in the directory, sorted.
func (d *Dir) Names() ([]string, error) {
	list, err := d.root.Open(".") // a handle of its own: the position in the listing is the handle's
	if err != nil {
		return nil, d.locate(err)
	}
	defer list.Close()
	names, err := list.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Sweep removes what writers that were killed left behind: this package's temp
// files, and files that end in one of the suffixes, when they were last written
// more than age before now. Files of other names are never touched.
func (d *Dir) Sweep(now time.Time, age time.Duration, suffixes ...string) error {
	if d.refusal != nil {
		return d.refusal
	}
	names, err := d.Names()
	if err != nil {
		return err
	}
	var failures []error
	for _, name := range names {
		if !swept(name, suffixes) {
			continue
		}
		info, err := d.root.Lstat(name)
		if err == nil && info.Mode().IsRegular() && now.Sub(info.ModTime()) > age {
			err = d.remove(name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // absent: another process sweeps too
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func swept(name string, suffixes []string) bool {
	if _, temp := TempOf(name); temp {
		return true
	}
	return slices.ContainsFunc(suffixes, func(s string) bool { return s != "" && strings.HasSuffix(name, s) })
}
