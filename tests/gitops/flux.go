package main

import (
	"context"
	"encoding/json"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fluxStatuses answers what Flux makes of each object: by the expressions of healthCheckExprs where
// there are some for its kind, otherwise by its conditions.
func fluxStatuses(request []byte) (any, error) {
	var asked struct {
		Expressions []kustomize.CustomHealthCheck
		Objects     []*unstructured.Unstructured
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	reader, err := cel.NewStatusReader(asked.Expressions)
	if err != nil {
		return nil, err
	}
	states := []state{}
	for _, object := range asked.Objects {
		custom := reader(nil)
		if custom.Supports(object.GroupVersionKind().GroupKind()) {
			found, err := custom.ReadStatusForObject(context.Background(), nil, object)
			if err != nil {
				return nil, err
			}
			each := state{Status: string(found.Status), Message: found.Message}
			if found.Error != nil {
				each.Error = found.Error.Error()
			}
			states = append(states, each)
			continue
		}
		found, err := status.Compute(object)
		if err != nil {
			return nil, err
		}
		states = append(states, state{Status: string(found.Status), Message: found.Message})
	}
	return states, nil
}
