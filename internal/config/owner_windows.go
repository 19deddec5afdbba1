package config

import "io/fs"

// checkOwner has nothing to ask: the access list of the directory, which was
// tested when it was opened, is inherited by the file.
func checkOwner(string, fs.FileInfo) error { return nil }
