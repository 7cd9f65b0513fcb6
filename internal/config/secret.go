package config

import (
	"fmt"
	"os"
	"strings"
)

// SecretFile reads a secret from a file that only its owner may read. White
// space at the end is no part of the secret.
func SecretFile(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("config: cannot read the secret: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("config: the secret %s is not a regular file", path)
	}
	if err := PrivateMode(path, info); err != nil {
		return "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("config: cannot read the secret: %w", err)
	}
	text := strings.TrimRight(string(data), " \t\r\n")
	if text == "" {
		return "", fmt.Errorf("config: the secret file %s is empty; write the secret into it or name another file", path)
	}
	return Secret(text), nil
}

// PrivateMode refuses a file that others than its owner may read or write.
func PrivateMode(path string, info os.FileInfo) error {
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return fmt.Errorf("config: %s is open to others (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
}
