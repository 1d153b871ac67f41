package main

import (
	"encoding/json"
	"errors"
	"sort"

	"github.com/argoproj/argo-cd/v3/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	jsonpatch "github.com/evanphx/json-patch"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// discover answers which actions Argo CD offers on each object.
func discover(request []byte) (any, error) {
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
	vm := lua.VM{ResourceOverrides: overrides}
	offered := [][]v1alpha1.ResourceAction{}
	for _, object := range asked.Objects {
		scripts, err := vm.GetResourceActionDiscovery(object)
		if err != nil {
			return nil, err
		}
		actions := []v1alpha1.ResourceAction{}
		if len(scripts) > 0 {
			if actions, err = vm.ExecuteResourceActionDiscovery(object, scripts); err != nil {
				return nil, err
			}
		}
		sort.Slice(actions, func(i, j int) bool { return actions[i].Name < actions[j].Name })
		offered = append(offered, actions)
	}
	return offered, nil
}

type request struct {
	Operation string          `json:"operation"`
	Body      json.RawMessage `json:"body"`
}

// act answers what Argo CD sends to the API server for an action: objects to create, and the merge
// patch that its server computes of the object as it is and as the script returns it.
func act(body []byte) (any, error) {
	var asked struct {
		ConfigMap  map[string]string
		Object     *unstructured.Unstructured
		Action     string
		Parameters map[string]string
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, err
	}
	overrides, err := overridesOf(asked.ConfigMap)
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(asked.Object)
	if err != nil {
		return nil, err
	}
	vm := lua.VM{ResourceOverrides: overrides}
	action, err := vm.GetResourceAction(asked.Object, asked.Action)
	if err != nil {
		return nil, err
	}
	if action.ActionLua == "" {
		return nil, errors.New("no such action: " + asked.Action)
	}
	parameters := []*application.ResourceActionParameters{}
	for name, value := range asked.Parameters {
		parameters = append(parameters, &application.ResourceActionParameters{Name: &name, Value: &value})
	}
	impacted, err := vm.ExecuteResourceAction(asked.Object, action.ActionLua, parameters)
	if err != nil {
		return nil, err
	}
	requests := []request{}
	for _, each := range impacted {
		body, err := json.Marshal(each.UnstructuredObj)
		if err == nil && each.K8SOperation == lua.PatchOperation {
			body, err = jsonpatch.CreateMergePatch(before, body)
		}
		if err != nil {
			return nil, err
		}
		requests = append(requests, request{string(each.K8SOperation), body})
	}
	return requests, nil
}
