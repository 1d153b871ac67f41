package main

import (
	"encoding/json"
	"fmt"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// validate answers what is wrong with each object of Argo CD or Flux: a field that the kind does
// not have, or a value of the wrong type.
func validate(request []byte) (any, error) {
	var asked struct{ Objects []*unstructured.Unstructured }
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	problems := []string{}
	for _, object := range asked.Objects {
		text, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		problem := ""
		if err := yaml.UnmarshalStrict(text, typeOf(object)); err != nil {
			problem = fmt.Sprintf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
		problems = append(problems, problem)
	}
	return problems, nil
}

func typeOf(object *unstructured.Unstructured) any {
	switch object.GetAPIVersion() + "/" + object.GetKind() {
	case "argoproj.io/v1alpha1/Application":
		return &v1alpha1.Application{}
	case "argoproj.io/v1alpha1/AppProject":
		return &v1alpha1.AppProject{}
	case "kustomize.toolkit.fluxcd.io/v1/Kustomization":
		return &kustomizev1.Kustomization{}
	case "source.toolkit.fluxcd.io/v1/GitRepository":
		return &sourcev1.GitRepository{}
	}
	return &struct{}{}
}
