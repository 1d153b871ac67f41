package main

import (
	"encoding/json"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var tracking = argo.NewResourceTracking()

// track marks an object as part of an Application.
func track(object *unstructured.Unstructured, app, into, method string) error {
	return tracking.SetAppInstance(
		object, common.LabelKeyAppInstance, app, into, v1alpha1.TrackingMethod(method), "",
	)
}

// ownerOf is the Application whose object Argo CD takes this one for; what another object owns is
// part of none by itself.
func ownerOf(object *unstructured.Unstructured, method string) string {
	if len(object.GetOwnerReferences()) > 0 {
		return ""
	}
	return tracking.GetAppName(object, common.LabelKeyAppInstance, v1alpha1.TrackingMethod(method), "")
}

// owners answers to which Application each object belongs, empty for none.
func owners(request []byte) (any, error) {
	var asked struct {
		Tracking string
		Objects  []*unstructured.Unstructured
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	found := []string{}
	for _, object := range asked.Objects {
		found = append(found, ownerOf(object, asked.Tracking))
	}
	return found, nil
}

type difference struct {
	Modified bool            `json:"modified"`
	Live     json.RawMessage `json:"live"`
	Wanted   json.RawMessage `json:"wanted"`
}

// ignored removes what Argo CD's settings ignore in every object.
type ignored struct{ fields []string }

func (ignored ignored) Normalize(object *unstructured.Unstructured) error {
	for _, field := range ignored.fields {
		unstructured.RemoveNestedField(object.Object, strings.Split(field, "/")[1:]...)
	}
	return nil
}

// differences answers whether Argo CD finds objects out of sync with their manifests.
func differences(request []byte) (any, error) {
	var asked struct {
		ConfigMap map[string]string
		App       string
		Namespace string
		Tracking  string
		Live      []*unstructured.Unstructured
		Manifests []*unstructured.Unstructured
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	overrides, err := overridesOf(asked.ConfigMap)
	if err != nil {
		return nil, err
	}
	for i, manifest := range asked.Manifests {
		if err := track(manifest, asked.App, asked.Namespace, asked.Tracking); err != nil {
			return nil, err
		}
		if err := tracking.Normalize(manifest, asked.Live[i], common.LabelKeyAppInstance, asked.Tracking); err != nil {
			return nil, err
		}
	}
	results, err := diff.DiffArray(asked.Manifests, asked.Live,
		diff.WithNormalizer(ignored{overrides["*/*"].IgnoreDifferences.JSONPointers}),
		diff.WithManager(common.ArgoCDSSAManager),
	)
	if err != nil {
		return nil, err
	}
	found := []difference{}
	for _, each := range results.Diffs {
		found = append(found, difference{each.Modified, each.NormalizedLive, each.PredictedLive})
	}
	return found, nil
}
