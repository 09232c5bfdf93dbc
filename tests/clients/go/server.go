package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The server under test: its address, HTTP requests to it, and the commands of its operator.

type object = map[string]any

var requests = http.Client{Timeout: 15 * time.Second}

// devFacts are the facts that the server wrote to dev.json.
type devFacts struct {
	HTTP  string `json:"http"`
	Users []struct{ Email, Password, Role string }
}

func server() (facts devFacts) {
	text, err := os.ReadFile(filepath.Join(os.Getenv("PORTCULLIS_STATE"), "data/dev.json"))
	if err != nil {
		fail("no running server (use run.sh): %v", err)
	}
	if err := json.Unmarshal(text, &facts); err != nil {
		fail("dev.json: %v", err)
	}
	return facts
}

func socketURL(route string) string {
	return strings.Replace(server().HTTP, "http", "ws", 1) + route
}

// request sends a JSON body and reads the answer. If sender is not empty, it is the name and value of a header.
func request(method, route string, sender [2]string, body any) (status int, answer object) {
	text, err := json.Marshal(body)
	if err != nil {
		fail("%s: %v", route, err)
	}
	asked, err := http.NewRequest(method, server().HTTP+route, bytes.NewReader(text))
	if err != nil {
		fail("%s: %v", route, err)
	}
	asked.Header.Set("Content-Type", "application/json")
	if sender[0] != "" {
		asked.Header.Set(sender[0], sender[1])
	}
	answered, err := requests.Do(asked)
	if err != nil {
		fail("%s: %v", route, err)
	}
	defer answered.Body.Close()
	text, err = io.ReadAll(answered.Body)
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		fail("%s: %d %v", route, answered.StatusCode, err)
	}
	return answered.StatusCode, answer
}

// control runs server.sh, which restarts the server or runs a command of an operator.
func control(arguments ...string) {
	// run.sh starts this program in the directory of run.sh and server.sh.
	output, err := exec.Command("./server.sh", arguments...).CombinedOutput()
	if err != nil {
		fail("%v: %v %s", arguments, err, output)
	}
}

func cli(arguments ...string) {
	control(append([]string{"cli"}, arguments...)...)
}

func text(value any) string { return fmt.Sprint(value) }
