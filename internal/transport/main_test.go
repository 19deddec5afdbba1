package transport_test

import (
	"os"
	"testing"

	"github.com/cogctl/cogctl/internal/nettest"
)

func TestMain(m *testing.M) { os.Exit(nettest.Tests{M: m}.Run()) }
