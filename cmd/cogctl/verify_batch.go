package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/cogctl/cogctl/internal/jwt"
)

// A batch goes from standard input to standard output in portions of whole lines: one
// goroutine cuts them, one for each core judges them, and the caller's writes them in
// the order in which they were cut. There are never more portions than rooms for
// them, so memory does not grow with the input.

const (
	portionSize = 32 << 10         // bytes of lines after which a portion is full
	maxLine     = jwt.MaxSize + 64 // bytes of a line that is kept: a token, and white space around it
)

// rareCollections is GOGC for a batch.
const rareCollections = 300

// portion is some lines of the input, then the verdicts on them.
type portion struct {
	first   int    // number of its first line
	text    []byte // the lines, one after another
	ends    []int  // where in text each line ends
	long    []int  // of each line that is too long its length, else 0
	out     bytes.Buffer
	judged  chan struct{} // gets a value when out is complete
	refused int
	unsaid  int // without a verdict, for want of keys
	tokens  int
	trouble string // why there were no keys
	err     error  // of the filter
}

// lineVerdict is one line of token verify --batch; its members are stable.
type lineVerdict struct {
	Line   int         `json:"line"`
	Valid  bool        `json:"valid"`
	Failed []jwt.Check `json:"failed,omitempty"` // without those that only follow from others
	*verdict
}

// batch is one run over standard input.
type batch struct {
	*verification
	o    *judgeOptions
	free chan *portion
}

// verifyBatch judges one token a line.
func (a *app) verifyBatch(ctx context.Context, v *verification, o *judgeOptions) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// Little lives long here: with a collection each time the heap has doubled, the
	// collections cost a twentieth of the run. It stays below 64 MiB with rarer ones.
	defer debug.SetGCPercent(debug.SetGCPercent(rareCollections))
	cores := runtime.GOMAXPROCS(0)
	b := &batch{verification: v, o: o, free: make(chan *portion, 3*cores)}
	for range cap(b.free) {
		b.free <- &portion{judged: make(chan struct{}, 1)}
	}
	work, order := make(chan *portion, cap(b.free)), make(chan *portion, cap(b.free))
	var unread error
	go func() {
		unread = b.cut(ctx, a.input(ctx), func(p *portion) { work <- p; order <- p })
		close(work)
		close(order)
	}()
	for range cores {
		go func() {
			for p := range work {
				b.judgePortion(ctx, p)
				p.judged <- struct{}{}
			}
		}()
	}
	sum, err := b.deliver(order, a.foreign())
	if err != nil {
		return err
	}
	if unread != nil {
		return fmt.Errorf("read tokens from standard input: %w", unread)
	}
	return sum.verdict()
}

// deliver writes the portions in order and adds them up.
func (b *batch) deliver(order <-chan *portion, w io.Writer) (batchSum, error) {
	var sum batchSum
	for p := range order {
		<-p.judged
		_, err := w.Write(p.out.Bytes())
		switch {
		case errors.Is(err, syscall.EPIPE): // who reads has seen enough
			return sum, silent{exitFailed}
		case err != nil:
			return sum, writeFailed(err)
		case p.err != nil:
			return sum, p.err
		}
		sum.add(p)
		b.free <- p
	}
	return sum, nil
}

// cut fills portions with lines and hands them on. Where the input pauses, what has
// come is handed on at once: somebody may be watching.
func (b *batch) cut(ctx context.Context, from io.Reader, send func(*portion)) error {
	in := bufio.NewReaderSize(from, 2*maxLine)
	var p *portion
	for number := 1; ; number++ {
		line, length, err := readLine(in)
		if mark := []byte("\ufeff"); number == 1 && bytes.HasPrefix(line, mark) {
			line, length = line[len(mark):], length-len(mark)
		}
		if err != nil && (!errors.Is(err, io.EOF) || length == 0) {
			if p != nil {
				send(p)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if p == nil {
			select {
			case p = <-b.free:
				p.reset(number)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		p.add(line, length)
		if len(p.text) >= portionSize || len(p.ends) >= portionSize/64 || in.Buffered() == 0 {
			send(p)
			p = nil
		}
	}
}

// readLine returns the next line without its end, and its length. Of a line that is
// longer than maxLine nothing is kept but that. The error is io.EOF at the end, with
// the last line where that has no line break.
func readLine(in *bufio.Reader) (line []byte, length int, err error) {
	for {
		part, err := in.ReadSlice('\n')
		length += len(part)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if length > maxLine {
			return nil, length, err
		}
		return part, length, err // the whole line: the buffer holds two of the longest
	}
}

func (p *portion) reset(first int) {
	p.first, p.text, p.ends, p.long = first, p.text[:0], p.ends[:0], p.long[:0]
	p.out.Reset()
	p.refused, p.unsaid, p.tokens, p.trouble, p.err = 0, 0, 0, "", nil
}

func (p *portion) add(line []byte, length int) {
	p.text = append(p.text, line...)
	p.ends = append(p.ends, len(p.text))
	if line != nil || length == 0 {
		length = 0
	}
	p.long = append(p.long, length)
}

// judgePortion writes the verdicts on a portion's lines into it.
func (b *batch) judgePortion(ctx context.Context, p *portion) {
	text, start := string(p.text), 0 // the tokens are parts of one string
	for i, end := range p.ends {
		raw := strings.Trim(text[start:end], " \t\r\n")
		start = end
		if raw == "" && p.long[i] == 0 {
			continue // a blank line
		}
		p.tokens++
		report := b.judge(ctx, raw)
		if p.long[i] > 0 {
			report.Checks[0].Detail = "the line has " + strconv.Itoa(p.long[i]) + " bytes, more than the " + strconv.Itoa(jwt.MaxSize) + " a token may have"
		}
		if p.err = b.write(ctx, p, p.first+i, report); p.err != nil {
			return
		}
	}
}

// write adds one verdict. That on a good token is the usual one and costs no
// reflection.
func (b *batch) write(ctx context.Context, p *portion, line int, r jwt.Report) error {
	full, filtered := b.o.out.asJSON, b.o.out.filter.given()
	if r.OK() && !full && !filtered {
		p.out.WriteString(`{"line":`)
		p.out.Write(strconv.AppendInt(p.out.AvailableBuffer(), int64(line), 10))
		p.out.WriteString(`,"valid":true}` + "\n")
		return nil
	}
	v := lineVerdict{Line: line, Valid: r.OK()}
	if !v.Valid {
		if v.Failed = decided(r); len(v.Failed) > 0 {
			p.refused++
		} else {
			p.unsaid++
			p.trouble = keysTrouble(r)
			v.Failed = r.Failed()
		}
	}
	if full || filtered {
		all := newVerdict(r)
		v.verdict = &all
	}
	if filtered {
		results, err := b.o.out.filter.apply(ctx, v)
		for _, result := range results {
			p.out.WriteString(result + "\n")
		}
		return err
	}
	encoder := json.NewEncoder(&p.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// batchSum is what came of all portions.
type batchSum struct {
	tokens, refused, unsaid int
	trouble                 string
}

func (s *batchSum) add(p *portion) {
	s.tokens += p.tokens
	s.refused += p.refused
	s.unsaid += p.unsaid
	if s.trouble == "" {
		s.trouble = p.trouble
	}
}

// verdict is the one on all tokens.
func (s *batchSum) verdict() error {
	switch {
	case s.tokens == 0:
		return usagef("standard input holds no token: --batch takes one a line")
	case s.refused > 0:
		return withCode(exitSaysNo, fmt.Errorf("%d of %d tokens are refused", s.refused, s.tokens))
	case s.unsaid > 0:
		return fmt.Errorf("keys could not be read, so there is no verdict on %d of %d tokens: %s", s.unsaid, s.tokens, s.trouble)
	}
	return nil
}
