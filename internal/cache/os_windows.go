//go:build windows

package cache

import "os"

const lockFlags = os.O_RDWR | os.O_CREATE
