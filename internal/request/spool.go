package request

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// inMemory is how much of a spool is kept in memory.
const inMemory = 1 << 20

// spool keeps data whose length must be known before it is sent, and which may
// have to be sent again: the first of it in memory, and all of it in a temporary
// file once it is more. The file goes with the process, however that ends: it has
// no name any more, or on Windows is deleted as it is closed.
type spool struct {
	memory []byte
	file   *os.File
	size   int64
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.memory)+len(p) <= inMemory {
		s.memory = append(s.memory, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if s.file == nil {
		if err := s.moveToFile(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, spoolFailed(err)
}

func (s *spool) moveToFile() (err error) {
	if s.file, err = createUnnamed(os.TempDir()); err != nil {
		return spoolFailed(err)
	}
	_, err = s.file.Write(s.memory)
	s.memory = nil
	return spoolFailed(err)
}

// open gives the data from its beginning. The readers do not disturb one another.
func (s *spool) open() (io.ReadCloser, error) {
	if s.file == nil {
		return io.NopCloser(bytes.NewReader(s.memory)), nil
	}
	return io.NopCloser(io.NewSectionReader(s.file, 0, s.size)), nil
}

// SpoolError is a body that could not be kept on disk until it is sent.
type SpoolError struct{ Err error }

func (e *SpoolError) Error() string {
	return fmt.Sprintf("keep the body in a temporary file until it is sent: %v", e.Err)
}

func (e *SpoolError) Unwrap() error { return e.Err }

// Hint says what may be done about it.
func (e *SpoolError) Hint() string {
	return "a single --data-binary @FILE of a regular file is sent from where it is; TMPDIR names another folder"
}

func spoolFailed(err error) error {
	if err == nil {
		return nil
	}
	return &SpoolError{err}
}

// fill reads all of r, which is NAME, into s and closes it.
func (s *spool) fill(name string, r io.ReadCloser, through func(io.Reader) io.Reader) error {
	defer r.Close()
	var source io.Reader = r
	if through != nil {
		source = through(r)
	}
	_, err := io.Copy(s, source)
	var spoiled *SpoolError
	if err == nil || errors.As(err, &spoiled) {
		return err
	}
	return &FileError{Name: name, Err: err}
}
