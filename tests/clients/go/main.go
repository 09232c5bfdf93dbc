// Command clients runs the scenarios of the unmodified centrifuge-go against a running server, in JSON and in Protobuf. It
// prints one line per fact. run.sh starts it.
package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// failure is the reason why a scenario failed. It ends the scenario.
type failure string

func fail(format string, values ...any) {
	panic(failure(fmt.Sprintf(format, values...)))
}

// same fails unless both lists have the same text form.
func same(found, expected []any) {
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		fail("%v instead of %v", found, expected)
	}
}

func list(values ...any) []any { return values }

// score counts facts. The scenarios of both encodings report to it concurrently.
type score struct {
	mutex          sync.Mutex
	passed, failed int
}

// fact runs a check and prints whether it passed.
func (s *score) fact(name string, check func()) {
	err := outcome(check)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err != nil {
		s.failed++
		fmt.Printf("not ok - %s: %v\n", name, err)
		return
	}
	s.passed++
	fmt.Printf("ok - %s\n", name)
}

// outcome runs a check. It returns the failure that ended the check, or nil.
func outcome(check func()) (err error) {
	defer func() {
		switch found := recover().(type) {
		case nil:
		case failure:
			err = errors.New(string(found))
		default:
			panic(found)
		}
	}()
	check()
	return nil
}

func main() {
	facts := &score{}
	sessions(facts)
	var both sync.WaitGroup
	for _, encoding := range []string{"json", "protobuf"} {
		both.Go(func() { realtime(facts, encoding) })
	}
	both.Wait()
	fmt.Printf("%d passed, %d failed\n", facts.passed, facts.failed)
	if facts.failed > 0 {
		os.Exit(1)
	}
}
