package main

// disableCoreDumps has nothing to do: Windows writes no core files into the
// working directory.
func disableCoreDumps() (around func(start func() error) error) {
	return func(start func() error) error { return start() }
}
