package config

import "strings"

// maxHintLength is the longest name for which a similar one is looked for.
const maxHintLength = 100

// nearest returns the candidate that was probably meant by name: the same name in
// another section, or one that differs by few letters. "" when none is near.
func nearest(name string, candidates []string) string {
	if len(name) > maxHintLength {
		return ""
	}
	name = strings.ToLower(name)
	best, bestDistance := "", max(2, len(name)/4)+1
	for _, candidate := range candidates {
		lower := strings.ToLower(candidate)
		far := distance(name, lower)
		if lastKey(name) == lastKey(lower) {
			far = min(far, 2)
		}
		if far < bestDistance {
			best, bestDistance = candidate, far
		}
	}
	return best
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// hint is the end of a message about an unknown name.
func hint(name string, candidates []string) string {
	if near := nearest(name, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// distance returns how many letters must be added, removed or replaced to get
// from a to b (Levenshtein's distance, in bytes).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
