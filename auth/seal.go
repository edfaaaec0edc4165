package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

const (
	sealVersion = 1
	// sealLabel separates this use of the secret key from others. A change makes
	// every sealed token unreadable.
	sealLabel = "carillon application token v1"
)

// Sealer encrypts application tokens under the server's secret key, because
// their owners may look at them and the database must not hold a usable one.
// It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer returns a Sealer whose keys are derived from the secret, which should
// come from Secret. The same secret opens what was sealed before.
func NewSealer(secret []byte) *Sealer {
	aead, err := newAEAD(derive(secret, sealLabel, 32))
	if err != nil {
		panic("auth: AES-256-GCM is not available: " + err.Error())
	}
	return &Sealer{aead: aead}
}

// derive returns length bytes made from the secret for the use that label names.
func derive(secret []byte, label string, length int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, label, length)
	if err != nil { // only for a length that nobody asks for, or a FIPS mode that refuses the secret
		panic("auth: the secret key cannot be used: " + err.Error())
	}
	return key
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal returns the token encrypted: a version byte, a random nonce and the
// ciphertext. The result opens with the same hash only, so that a sealed token
// cannot be moved to another application's row.
func (s *Sealer) Seal(token string, hash []byte) []byte {
	return s.aead.Seal([]byte{sealVersion}, nil, []byte(token), bound(hash)) //nolint:gosec // this AEAD makes its own random nonce
}

// Open returns the token that was sealed with the hash. It fails, and says
// nothing about the content, when the sealed bytes were damaged or exchanged, or
// were sealed under another secret key.
func (s *Sealer) Open(sealed, hash []byte) (string, error) {
	if len(sealed) == 0 {
		return "", errors.New("auth: sealed token is empty")
	}
	if sealed[0] != sealVersion {
		return "", fmt.Errorf("auth: sealed token has unknown version %d", sealed[0])
	}
	token, err := s.aead.Open(nil, nil, sealed[1:], bound(hash))
	if err != nil {
		return "", errors.New("auth: sealed token does not open: it is damaged, or the secret key has changed")
	}
	return string(token), nil
}

// bound returns the additional data of a sealed token.
func bound(hash []byte) []byte { return append([]byte{sealVersion}, hash...) }
