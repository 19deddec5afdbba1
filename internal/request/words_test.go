package request

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func TestParseOperands(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, method, target, hint string }{
		{"/x", "", "/x", ""},
		{"https://h/x", "", "https://h/x", ""},
		{"get", "", "get", ""}, // a path: base/get
		{"GETS", "", "GETS", ""},
		{"GET /x", "GET", "/x", ""},
		{"get /x", "GET", "/x", ""},
		{"Post users", "POST", "users", ""},
		{"OPTIONS /", "OPTIONS", "/", ""},
		{"PURGE /x", "PURGE", "/x", ""},
		{"DELETE get", "DELETE", "get", ""},
		{"", "", "", "write /path"},
		{"GET", "", "", "write GET /path"},
		{"DELETE", "", "", "write DELETE /path"},
		{"/x GET", "", "", "write GET /x"},
		{"/x post", "", "", "write POST /x"},
		{"/x /y", "", "", "write GET /y"},
		{"purge /x", "", "", "write GET /x"},
		{"-- /x", "", "", "write GET /x"},
		{"GET /x /y", "", "", "quote"},
	} {
		method, target, err := ParseOperands(strings.Fields(tt.args))
		if tt.hint != "" {
			if ue, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(ue.Hint(), tt.hint) || method+target != "" {
				t.Errorf("%q: %q %q, %v", tt.args, method, target, err)
			}
			continue
		}
		if err != nil || method != tt.method || target != tt.target {
			t.Errorf("%q: %q %q, %v", tt.args, method, target, err)
		}
	}
}

func TestMergeMethod(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flag, operand, want string
		ok                  bool
	}{
		{"", "", "", true}, {"PUT", "", "PUT", true}, {"", "PUT", "PUT", true}, {"PUT", "PUT", "PUT", true}, {"PUT", "GET", "", false},
	} {
		if got, err := MergeMethod(tt.flag, tt.operand); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q %q: %q, %v", tt.flag, tt.operand, got, err)
		}
	}
}

func TestParseExpect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text    string
		in, out []int
	}{
		{"401", []int{401}, []int{400, 402, 200}},
		{"2xx", []int{200, 204, 299}, []int{199, 300, 401}},
		{"2XX", []int{200}, []int{300}},
		{"200,204", []int{200, 204}, []int{201, 203}},
		{"200-204", []int{200, 202, 204}, []int{199, 205}},
		{"2xx, 304", []int{250, 304}, []int{303}},
		{"401-401,5xx", []int{401, 500, 599}, []int{402}},
		{"999", []int{999}, []int{998}},
	} {
		e, err := ParseExpect(tt.text)
		if err != nil || e.IsZero() || e.String() != tt.text {
			t.Errorf("%q: %+v, %v", tt.text, e, err)
		}
		for _, s := range tt.in {
			if !e.Match(s) {
				t.Errorf("%q does not match %d", tt.text, s)
			}
		}
		for _, s := range tt.out {
			if e.Match(s) {
				t.Errorf("%q matches %d", tt.text, s)
			}
		}
	}
	for _, bad := range []string{"", ",", "401,", "4", "40", "4010", "099", "0xx", "xxx", "4x", "4xxx", "204-200", "200-", "-200", "2xx-3xx", "ok", "+40", "401 402", "４０１"} {
		e, err := ParseExpect(bad)
		if ue, ok := errors.AsType[*UsageError](err); !ok || ue.Hint() == "" || !e.IsZero() {
			t.Errorf("%q: %+v, %v", bad, e, err)
		}
	}
	if (Expect{}).Match(200) {
		t.Error("the zero value matches")
	}
}

func FuzzParseExpect(f *testing.F) {
	for _, s := range []string{"401", "2xx", "200,204", "200-299", "2xx, 304", "", "4x", "-", "9xx,1xx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseExpect(s)
		n := 0
		for status := range 1100 {
			if e.Match(status) {
				n++
				if status < 100 || status > 999 {
					t.Fatalf("%q matches %d", s, status)
				}
			}
		}
		if (err == nil) != (n > 0) {
			t.Fatalf("%q matches %d statuses, %v", s, n, err)
		}
		if code, convErr := strconv.Atoi(s); convErr == nil && err == nil && (n != 1 || !e.Match(code)) {
			t.Fatalf("%q matches %d statuses", s, n)
		}
	})
}
