package ntfy

import (
	"fmt"
	"slices"
	"text/template"
	"time"
)

// What the templates of one message may use up.
const (
	// templateWork is how many loops, calls and bytes they may go through.
	templateWork = 4 << 20
	// templateMade is how many bytes their functions may make, which is also the
	// memory that their variables can hold.
	templateMade = 1 << 20
	// callWork is what a call costs beside the size of its arguments.
	callWork = 32
	// callMost is how much the arguments of one call may weigh. It bounds what a
	// function makes before anybody can count it.
	callMost = 384 << 10
)

// chargeName is the function that loops are charged by. Templates cannot name it
// themselves: it is not among the allowed ones.
const chargeName = "charge"

// budget is what the templates of one message may still use.
type budget struct {
	work, made int
	// loops is how many loops the part of the template that is prepared stands in.
	loops int
	// functions are those that templates may call, and charge. They pay to this
	// budget.
	functions template.FuncMap
	// end is a time of the real clock: what is bounded is the processor.
	end time.Time
}

func newBudget() *budget {
	b := &budget{work: templateWork, made: templateMade, end: time.Now().Add(templateTime)}
	b.functions = b.payingFunctions()
	return b
}

// allowed reports whether a template may call the function.
func (b *budget) allowed(name string) bool {
	_, paying := b.functions[name]
	return paying && name != chargeName || slices.Contains(harmlessFunctions, name)
}

// spend takes n from the work that is left.
func (b *budget) spend(n int) error {
	if b.work -= n; b.work < 0 {
		return failuref(40045, "the template does too much")
	}
	if time.Now().After(b.end) {
		b.work = 0
		return failuref(40045, "the template takes longer than %s", templateTime)
	}
	return nil
}

// charge is called by the body of a loop.
func (b *budget) charge(n int) (string, error) { return "", b.spend(n) }

// call pays for a call: its arguments.
func (b *budget) call(args ...any) error {
	room := callMost
	for _, arg := range args {
		weigh(arg, &room)
	}
	if room < 0 {
		return failuref(40045, "a function is given too much")
	}
	return b.spend(callMost - room + callWork)
}

// keep pays for the result of a call. A text that is too long is refused after it
// was made, so functions that could make a text much longer than their arguments
// bound it themselves.
func (b *budget) keep(text string) (string, error) {
	if b.made -= len(text); b.made < 0 {
		b.made = 0
		return "", failuref(40045, "the template makes too much text")
	}
	return text, nil
}

// weigh takes from room about as many bytes as the value has when it is printed,
// and stops when there is none left.
func weigh(value any, room *int) {
	if *room < 0 {
		return
	}
	switch value := value.(type) {
	case string:
		*room -= len(value) + 1
	case map[string]any:
		*room -= callWork
		for key, element := range value {
			if *room -= len(key); *room < 0 {
				return
			}
			weigh(element, room)
		}
	case []any:
		*room -= callWork
		for _, element := range value {
			if weigh(element, room); *room < 0 {
				return
			}
		}
	case number, bool, int, int64, float64, rune, nil:
		*room -= 8
	default: // nothing else gets here; if it does, it is dear
		*room -= len(fmt.Sprint(value)) + callWork
	}
}
