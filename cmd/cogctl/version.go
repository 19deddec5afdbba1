package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  cogctl version\n  cogctl version --json",
		Args:    operands(0, 0),
		RunE:    func(*cobra.Command, []string) error { return runVersion(a, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func runVersion(a *app, asJSON bool) error {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	if asJSON {
		return a.printJSON(map[string]string{
			"version": version, "revision": revision, "go": runtime.Version(),
			"os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	return a.println(fmt.Sprintf("cogctl %s (%s, %s %s/%s)", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH))
}
