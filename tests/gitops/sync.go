package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/engine"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
)

type outcome struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Phase     string `json:"phase"`
	Status    string `json:"status"`
	HookPhase string `json:"hookPhase"`
	Message   string `json:"message"`
}

// synchronize syncs an Application's manifests with a cluster, as Argo CD does, and answers what came
// of each object. Without manifests it removes all that belongs to the Application.
func synchronize(request []byte) (any, error) {
	var asked struct {
		Kubeconfig string
		As         string
		ConfigMap  map[string]string
		App        string
		Namespace  string
		Tracking   string
		ServerSide bool
		Manifests  []*unstructured.Unstructured
		Seconds    int
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	overrides, err := overridesOf(asked.ConfigMap)
	if err != nil {
		return nil, err
	}
	for _, manifest := range asked.Manifests {
		if err := track(manifest, asked.App, asked.Namespace, asked.Tracking); err != nil {
			return nil, err
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", asked.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.Impersonate.UserName = asked.As
	config.QPS, config.Burst = 50, 100
	clusters := cache.NewClusterCache(config,
		cache.SetLogr(logr.Discard()),
		cache.SetNamespaces([]string{asked.Namespace}),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, isRoot bool) (any, bool) {
			app := ""
			if isRoot {
				app = ownerOf(object, asked.Tracking)
			}
			return app, app != ""
		}),
	)
	syncer := engine.NewEngine(config, clusters, engine.WithLogr(logr.Discard()))
	stop, err := syncer.Run()
	if err != nil {
		return nil, err
	}
	defer stop()
	limit, cancel := context.WithTimeout(context.Background(), time.Duration(asked.Seconds)*time.Second)
	defer cancel()
	results, err := syncer.Sync(limit, asked.Manifests,
		func(resource *cache.Resource) bool { return resource.Info == asked.App },
		"revision", asked.Namespace,
		sync.WithLogr(logr.Discard()),
		sync.WithPrune(true),
		sync.WithHealthOverride(lua.ResourceHealthOverrides(overrides)),
		sync.WithServerSideApply(asked.ServerSide),
		sync.WithServerSideApplyManager(common.ArgoCDSSAManager),
	)
	outcomes := []outcome{}
	for _, each := range results {
		outcomes = append(outcomes, outcome{
			each.ResourceKey.Kind, each.ResourceKey.Name, string(each.SyncPhase),
			string(each.Status), string(each.HookPhase), each.Message,
		})
	}
	answer := map[string]any{"objects": outcomes, "error": ""}
	if err != nil {
		answer["error"] = err.Error()
	}
	return answer, nil
}
