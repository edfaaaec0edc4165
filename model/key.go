package model

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
	"time"
)

// KeyLength is the number of characters of a message key.
const KeyLength = 12

const (
	// keyAlphabet is in ASCII order, so that keys sort as the numbers they write.
	keyAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// A key writes a number of 71 bits: milliseconds since 1970, enough until
	// 2109, and a tail. 62^12 is a little more than 2^71.
	keyTimeBits = 42
	keyTailBits = 29
	keyTimeMax  = 1<<keyTimeBits - 1
	keyTailMax  = 1<<keyTailBits - 1
	// keyHalf is 62^6, what one half of a key counts up to.
	keyHalf = 62 * 62 * 62 * 62 * 62 * 62
)

// Keys makes message keys. The zero value is ready; it is safe for concurrent use.
type Keys struct {
	mu   sync.Mutex
	time uint64 // milliseconds
	tail uint64
}

// NewKeys returns a new maker of keys; a process needs one.
func NewKeys() *Keys { return new(Keys) }

// Next returns a new key for a message accepted at now: 12 characters out of
// [0-9A-Za-z] whose byte order is the order of time. Every key is greater than
// the one before, also within a millisecond and when the clock steps back.
//
// Two processes agree on nothing: each starts every millisecond at a random tail
// out of 2^29. Keys are therefore unique in practice but not by proof, and who
// stores them must be ready to ask for another one. A key is a name, not a secret.
func (k *Keys) Next(now time.Time) string {
	ms := uint64(min(max(now.UnixMilli(), 0), keyTimeMax))
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case ms > k.time:
		k.time, k.tail = ms, randomTail()
	case k.tail < keyTailMax:
		k.tail++
	default: // the millisecond is used up: borrow the next one
		k.time, k.tail = k.time+1, randomTail()
	}
	return formatKey(k.time, k.tail)
}

// KeyTime returns when a key was made, to the millisecond in UTC, and false for
// what Keys cannot have made. A random text of the same shape, such as ntfy's own
// ids, is not always told apart.
func KeyTime(key string) (time.Time, bool) {
	if len(key) != KeyLength {
		return time.Time{}, false
	}
	first, ok1 := parseHalf(key[:KeyLength/2])
	second, ok2 := parseHalf(key[KeyLength/2:])
	if !ok1 || !ok2 {
		return time.Time{}, false
	}
	high, low := bits.Mul64(first, keyHalf)
	low, carry := bits.Add64(low, second, 0)
	high += carry
	ms := high<<(64-keyTailBits) | low>>keyTailBits
	if ms > keyTimeMax {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

func randomTail() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	return binary.NativeEndian.Uint64(b[:]) & keyTailMax
}

func formatKey(ms, tail uint64) string {
	high, low := ms>>(64-keyTailBits), ms<<keyTailBits|tail
	first, second := bits.Div64(high, low, keyHalf)
	var key [KeyLength]byte
	for i := KeyLength/2 - 1; i >= 0; i-- {
		key[i] = keyAlphabet[first%62]
		key[i+KeyLength/2] = keyAlphabet[second%62]
		first, second = first/62, second/62
	}
	return string(key[:])
}

func parseHalf(half string) (uint64, bool) {
	var n uint64
	for i := range len(half) {
		digit := strings.IndexByte(keyAlphabet, half[i])
		if digit < 0 {
			return 0, false
		}
		n = n*62 + uint64(digit)
	}
	return n, true
}
