package atomicfile

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Pending is a prepared temp file that waits for its content. It ends with
// Commit or Abort, and is used by one goroutine.
type Pending struct {
	dir  *Dir
	name string   // the file to be replaced
	temp string   // the temp file's name in the same directory
	file *os.File // nil once closed
	done bool     // committed, failed or aborted
}

// Create prepares a replacement of the file name: a temp file of a new name in
// the same directory, readable by the owner alone, with size bytes really
// written and synced, so that a full or failing disk is an error now and not
// when there is something to lose. Nothing happens to name itself.
func (d *Dir) Create(name string, size int) (*Pending, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if d.refusal != nil {
		return nil, d.refusal
	}
	p := &Pending{dir: d, name: name}
	if err := p.openTemp(); err != nil {
		return nil, err
	}
	if err := p.reserve(size); err != nil {
		p.Abort()
		return nil, err
	}
	return p, nil
}

func (p *Pending) openTemp() error {
	for attempt := 0; ; attempt++ {
		var random [8]byte
		rand.Read(random[:]) // never fails: it ends the program when the system has no randomness
		temp := p.name + "." + hex.EncodeToString(random[:]) + tempSuffix
		// O_EXCL also refuses a link, dangling or not.
		file, err := p.dir.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && attempt < 8 {
			continue
		}
		if err != nil {
			return p.dir.locate(err)
		}
		p.file, p.temp = file, temp
		if err := protectFile(p.dir.join(temp)); err != nil {
			p.Abort()
			return err
		}
		return nil
	}
}

// reserve writes real bytes: a sparse file would not show a full disk.
func (p *Pending) reserve(size int) error {
	if size > 0 {
		if _, err := p.file.WriteAt(bytes.Repeat([]byte{'\n'}, size), 0); err != nil {
			return err
		}
	}
	return p.file.Sync()
}

// Commit makes data the content of the file. After an error the temp file is
// gone and the old content stands, with one exception: when only the last
// step, the sync of the directory, fails, the new content is in place but may
// not outlive a power cut. Commit can be called once.
func (p *Pending) Commit(data []byte) error {
	if p.done {
		return fmt.Errorf("save %s: the temp file is committed or aborted already", p.dir.join(p.name))
	}
	defer p.Abort()
	if _, err := p.file.WriteAt(data, 0); err != nil {
		return err
	}
	if err := p.file.Truncate(int64(len(data))); err != nil {
		return err
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	// Closed before the rename: Windows refuses to move an open file, and a
	// network file system may report a failed write only here.
	file := p.file
	p.file = nil
	if err := file.Close(); err != nil {
		return err
	}
	if err := p.dir.rename(p.temp, p.name); err != nil {
		return err
	}
	p.done = true
	return syncDir(p.dir.handle)
}

// Abort gives the save up and removes the temp file. It may be called at any
// time and any number of times; after Commit it does nothing.
func (p *Pending) Abort() {
	if p.done {
		return
	}
	p.done = true
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
	// What cannot be removed now is swept later by its age.
	_ = p.dir.remove(p.temp)
}

// Write replaces the content of the file name, or creates it.
func (d *Dir) Write(name string, data []byte) error {
	p, err := d.Create(name, 0)
	if err != nil {
		return err
	}
	return p.Commit(data)
}
