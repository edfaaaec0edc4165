package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	// minSecretLength is in characters of text: 128 bits, written in hexadecimal.
	minSecretLength = 16
	maxSecretLength = 4096
)

// Secret returns the server's secret key: the configured one when there is one,
// else the content of the file at path, which is created with a random key when it
// does not exist. Servers that start at the same time all end with the same key.
//
// The key is the text itself, without white space at its ends, so that the
// content of the file may be moved to the setting. The file must not be readable
// for others than its owner. Errors are for the person who starts the server.
func Secret(configured, path string) ([]byte, error) {
	if configured = strings.TrimSpace(configured); configured != "" {
		if len(configured) < minSecretLength {
			return nil, fmt.Errorf("the configured secret key is too short: %d characters instead of at least %d; `openssl rand -hex 32` makes a good one", len(configured), minSecretLength)
		}
		return []byte(configured), nil
	}
	if path == "" {
		return nil, errors.New("no secret key is configured, and no file to keep one in")
	}
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := createSecret(path); err != nil {
		return nil, fmt.Errorf("cannot create the secret key file %s (a key may be configured instead): %w", path, err)
	}
	// Also after creating it: another process may have been first, and a file
	// system without permissions should be noticed now, not at the next start.
	return readSecret(path)
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret key file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretLength {
		return nil, fmt.Errorf("%s is not a secret key file: it must be a regular file of at most %d bytes", path, maxSecretLength)
	}
	// Windows reports permissions that say nothing.
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("the secret key file %s may be used by other users (mode %#o): run chmod 600 %s, or configure the key where the file system keeps no permissions", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret key file: %w", err)
	}
	secret := bytes.TrimSpace(content)
	if len(secret) < minSecretLength {
		return nil, fmt.Errorf("the secret key file %s is empty or too short: %d characters instead of at least %d; restore it from a backup, or remove it to get a new key (application tokens can then no longer be shown, but keep working)", path, len(secret), minSecretLength)
	}
	return secret, nil
}

// createSecret writes a new random key to path, unless another process is first.
// The file appears whole or not at all.
func createSecret(path string) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(folder, ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	random := make([]byte, 32)
	rand.Read(random) // never fails: it ends the process instead
	_, writeErr := temp.WriteString(hex.EncodeToString(random) + "\n")
	if err := errors.Join(writeErr, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what another process has put there.
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a new name in the folder survive a loss of power.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // cannot, and need not
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
