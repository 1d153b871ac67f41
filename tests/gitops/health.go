package main

import (
	"encoding/json"

	enginehealth "github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type state struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Error   string `json:"error,omitempty"`
}

// health answers what Argo CD shows of each object.
func health(request []byte) (any, error) {
	var asked struct {
		ConfigMap map[string]string
		Objects   []*unstructured.Unstructured
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	overrides, err := overridesOf(asked.ConfigMap)
	if err != nil {
		return nil, err
	}
	states := []state{}
	for _, object := range asked.Objects {
		found, err := enginehealth.GetResourceHealth(object, lua.ResourceHealthOverrides(overrides))
		switch {
		case err != nil:
			states = append(states, state{Error: err.Error()})
		case found == nil:
			states = append(states, state{})
		default:
			states = append(states, state{Status: string(found.Status), Message: found.Message})
		}
	}
	return states, nil
}
