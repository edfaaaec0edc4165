package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	// tokenAlphabet and tokenLength are what existing Gotify clients check for.
	tokenAlphabet = letters + ".-_"
	tokenLength   = 14
	// readable leaves out what is mistaken for something else: 0 and o, 1, i and l.
	readable = "abcdefghjkmnpqrstuvwxyz23456789"
)

// NewApplicationToken returns a new random application token: 'A' and 14
// characters, 84 bits.
func NewApplicationToken() string { return "A" + randomText(tokenAlphabet, tokenLength) }

// NewClientToken returns a new random client token: 'C' and 14 characters, 84 bits.
func NewClientToken() string { return "C" + randomText(tokenAlphabet, tokenLength) }

// HashToken returns the SHA-256 of the token, under which it is stored and
// looked up. Tokens are random, so the digest needs no salt and no cost.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// RandomName returns n random characters out of [0-9A-Za-z], each worth just
// under 6 bits.
func RandomName(n int) string { return randomText(letters, n) }

// RandomPassword returns a random password of 118 bits that a person can read
// and type: four groups of six characters that are hard to mistake.
func RandomPassword() string {
	const groups, size = 4, 6
	text := make([]string, groups)
	for i := range text {
		text[i] = randomText(readable, size)
	}
	return strings.Join(text, "-")
}

// randomText returns n characters, each chosen out of the alphabet with the same
// probability.
func randomText(alphabet string, n int) string {
	// A byte above the largest multiple of the alphabet's length is thrown away:
	// the remainder would favour the first characters.
	limit := 256 - 256%len(alphabet)
	text := make([]byte, 0, max(n, 0))
	var random [32]byte
	for len(text) < n {
		rand.Read(random[:]) // never fails: it ends the process instead
		for _, b := range random {
			if int(b) < limit && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}

// LooksLikeToken reports whether the text has the shape of a token, so that it
// is worth a look before it is taken for a password.
func LooksLikeToken(text string) bool {
	return len(text) == 1+tokenLength && (text[0] == 'A' || text[0] == 'C')
}
