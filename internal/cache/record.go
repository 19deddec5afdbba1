package cache

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// formatVersion is the version of the file format. A reader that meets a
// higher one leaves the file alone.
const formatVersion = 1

// envelope is the content of a file.
type envelope[V any] struct {
	Version    int    `json:"version"`
	Generation uint64 `json:"generation"`      // 1 for the first value, one more with each save
	Begun      bool   `json:"begun,omitempty"` // a note of a change on its way, see Checkpoint
	Value      V      `json:"value"`
}

// entry is a value as it was read.
type entry[T any] struct {
	value      T
	generation uint64 // 0 when not found
	found      bool
	size       int  // of the file, in bytes
	begun      bool // not a result, see Checkpoint
}

// corruptError says why a file is no value; it never quotes the file, which
// may hold half a token.
type corruptError struct{ path, reason string }

func (e *corruptError) Error() string { return fmt.Sprintf("%s is %s", e.path, e.reason) }

// load reads the value of key: not found is no error, and a file that cannot
// be understood is a corruptError.
func load[T any](s shelf, key string) (entry[T], error) {
	name := fileName(key)
	data, err := s.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return entry[T]{}, nil
	}
	if _, large := errors.AsType[*atomicfile.TooLargeError](err); large {
		return entry[T]{}, &corruptError{s.path(name), "larger than any value (over 1 MiB)"}
	}
	if err != nil {
		return entry[T]{}, err
	}
	e, reason, err := decode[T](data)
	if reason != "" {
		return entry[T]{}, &corruptError{s.path(name), reason}
	}
	if err != nil {
		return entry[T]{}, fmt.Errorf("read %s: %w", s.path(name), err)
	}
	return e, nil
}

// decode reads the content of a file. The reason says what is corrupt, the
// error what is sound but not for us.
func decode[T any](data []byte) (e entry[T], reason string, err error) {
	var outer envelope[json.RawMessage]
	if json.Unmarshal(data, &outer) != nil {
		return e, "not a whole JSON record", nil
	}
	switch {
	case outer.Version > formatVersion:
		return e, "", &NewerError{Version: outer.Version}
	case outer.Version != formatVersion, outer.Generation == 0, len(outer.Value) == 0:
		return e, "not a record of version, generation and value", nil
	}
	var value T
	if json.Unmarshal(outer.Value, &value) != nil {
		return e, "a record whose value has another form", nil
	}
	return entry[T]{value: value, generation: outer.Generation, found: true, size: len(data), begun: outer.Begun}, "", nil
}

func encode[T any](content envelope[T]) ([]byte, error) {
	content.Version = formatVersion
	data, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	if len(data) >= MaxSize {
		return nil, fmt.Errorf("the value takes %d bytes and the limit is %d", len(data), MaxSize)
	}
	return append(data, '\n'), nil
}

// maxKey keeps the longest file name, x- and two hex digits a byte and
// .json.corrupt-UNIXTIME, below the 255 bytes that file systems allow.
const maxKey = 100

const (
	fileSuffix   = ".json"
	lockSuffix   = ".lock"
	endedSuffix  = ".ended"
	corruptInfix = ".corrupt-"
	encodedMark  = "x-" // before a key that is not hex itself
)

func checkKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("cache key %q: want 1 to %d bytes", key, maxKey)
	}
	return nil
}

// baseName turns a key into a name that is safe on every file system, in any
// letter case, and that keyOf can turn back: a key of lowercase hex digits, as
// hashes are, stays as it is, any other becomes hex.
func baseName(key string) string {
	if isHex(key) {
		return key
	}
	return encodedMark + hex.EncodeToString([]byte(key))
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}

// keyOf returns the key of a value's file name.
func keyOf(name string) (key string, ok bool) {
	base, ok := strings.CutSuffix(name, fileSuffix)
	if !ok {
		return "", false
	}
	key = base
	if encoded, ok := strings.CutPrefix(base, encodedMark); ok {
		raw, err := hex.DecodeString(encoded)
		if err != nil {
			return "", false
		}
		key = string(raw)
	}
	// One key has one name: a file that only looks like it is not ours.
	return key, checkKey(key) == nil && baseName(key) == base
}

func fileName(key string) string  { return baseName(key) + fileSuffix }
func lockName(key string) string  { return baseName(key) + lockSuffix }
func endedName(key string) string { return baseName(key) + endedSuffix }

func asideName(key string, now time.Time) string {
	return fileName(key) + corruptInfix + strconv.FormatInt(now.Unix(), 10)
}

// belongs reports whether a file of this name can hold a value of key, in
// whatever state. The lock file is not among them.
func belongs(name, key string) bool {
	if temp, ok := atomicfile.TempOf(name); ok {
		name = temp
	}
	return name == fileName(key) || name == endedName(key) || strings.HasPrefix(name, fileName(key)+corruptInfix)
}
