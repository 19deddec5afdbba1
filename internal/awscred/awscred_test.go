package awscred_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/awscred"
)

// alone takes this machine's own AWS settings out of the way.
func alone(t *testing.T) string {
	folder := t.TempDir()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(folder, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(folder, "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CA_BUNDLE", "")
	return folder
}

func TestChain(t *testing.T) {
	alone(t)
	caller := awscred.Caller{Region: "eu-west-1"}
	_, err := caller.Retrieve(t.Context())
	if missing := (*awscred.MissingError)(nil); !errors.As(err, &missing) || !strings.HasPrefix(err.Error(), "find AWS credentials: ") {
		t.Errorf("nothing there: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	t.Setenv("AWS_SESSION_TOKEN", "more")
	found, err := caller.Retrieve(t.Context())
	if err != nil || found.AccessKeyID != "AKIDEXAMPLE" || found.SecretAccessKey != "hush" || found.SessionToken != "more" {
		t.Errorf("from the environment: %v, %q", err, found.AccessKeyID)
	}
}

// TestProcess: a credential process that fails is told without what it printed.
func TestProcess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the process is a shell's")
	}
	folder := alone(t)
	write(t, filepath.Join(folder, "config"), "[default]\ncredential_process = sh -c 'echo hush-hush; exit 3'\n")
	_, err := awscred.Caller{Region: "eu-west-1"}.Retrieve(t.Context())
	if missing := (*awscred.MissingError)(nil); !errors.As(err, &missing) || strings.Contains(err.Error(), "hush") {
		t.Errorf("a process that fails: %v", err)
	}
	for _, printed := range []string{`{"SecretAccessKey":"hush-hush"} and more`, `{"SecretAccessKey":"hush-hush","Version":"1"}`, `{"SecretAccessKey":"hush-hush","Expiration":"soon"}`} {
		write(t, filepath.Join(folder, "config"), "[default]\ncredential_process = echo '"+printed+"'\n")
		if _, err = (awscred.Caller{Region: "eu-west-1"}).Retrieve(t.Context()); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "JSON") {
			t.Errorf("a process that prints %s: %v", printed, err)
		}
	}
	write(t, filepath.Join(folder, "config"), "[default]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"s\"}'\n")
	if found, err := (awscred.Caller{Region: "eu-west-1"}).Retrieve(t.Context()); err != nil || found.AccessKeyID != "AKID" {
		t.Errorf("a process that works: %v, %q", err, found.AccessKeyID)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestQuiet: the SDK's own log lines do not get onto standard error.
func TestQuiet(t *testing.T) {
	alone(t)
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer metadata.Close()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	_, err = awscred.Caller{Region: "eu-west-1"}.Retrieve(t.Context())
	os.Stderr = stderr
	write.Close()
	said, _ := io.ReadAll(read)
	if missing := (*awscred.MissingError)(nil); !errors.As(err, &missing) || !strings.Contains(err.Error(), "403") {
		t.Errorf("refused by the instance's metadata: %v", err)
	}
	if len(said) > 0 {
		t.Errorf("standard error: %q", said)
	}
}
