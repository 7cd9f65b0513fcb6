//go:build !unix

package pki

import (
	"fmt"
	"os"
)

// lock makes the directory; there is no lock on this system.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	return func() {}, nil
}
