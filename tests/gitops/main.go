// Command gitops shows what Argo CD and Flux make of this project's objects, by their own packages.
//
// It reads a request as JSON from standard input and writes the answer as JSON to standard output;
// its only argument names the question.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

var questions = map[string]func(request []byte) (any, error){
	"health":   health,
	"discover": discover,
	"act":      act,
	"diff":     differences,
	"owners":   owners,
	"sync":     synchronize,
	"flux":     fluxStatuses,
	"validate": validate,
}

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	if len(os.Args) != 2 || questions[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: gitops health|discover|act|diff|owners|sync|flux|validate"))
	}
	request, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	answer, err := questions[os.Args[1]](request)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
