package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	enginecommon "github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		Cluster    bool // whether the Application has objects without a namespace, or in others
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
	namespaces := []string{asked.Namespace}
	if asked.Cluster {
		namespaces = nil
	}
	clusters := cache.NewClusterCache(config,
		cache.SetLogr(logr.Discard()),
		cache.SetNamespaces(namespaces),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, isRoot bool) (any, bool) {
			app := ""
			if isRoot {
				app = ownerOf(object, asked.Tracking)
			}
			return app, app != ""
		}),
	)
	if err := clusters.EnsureSynced(); err != nil {
		return nil, err
	}
	defer clusters.Invalidate()
	for _, manifest := range asked.Manifests {
		namespaced, err := clusters.IsNamespaced(manifest.GroupVersionKind().GroupKind())
		if err != nil {
			return nil, err
		}
		if namespaced && manifest.GetNamespace() == "" {
			manifest.SetNamespace(asked.Namespace)
		}
	}
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	begun := metav1.Now()
	phase, message, results := enginecommon.OperationRunning, "", []enginecommon.ResourceSyncResult{}
	// Argo CD's controller takes one step at a time, each with the objects as they are then.
	for !phase.Completed() {
		if time.Since(begun.Time) > time.Duration(asked.Seconds)*time.Second {
			return nil, fmt.Errorf("not synced in %d seconds: %s", asked.Seconds, message)
		}
		live, err := clusters.GetManagedLiveObjs(asked.Manifests, func(resource *cache.Resource) bool {
			return resource.Info == asked.App
		})
		if err != nil {
			return nil, err
		}
		step, cleanup, err := sync.NewSyncContext(
			"revision", sync.Reconcile(asked.Manifests, live, asked.Namespace, clusters),
			config, config, kubectl, asked.Namespace,
			sync.WithLogr(logr.Discard()),
			sync.WithHealthOverride(lua.ResourceHealthOverrides(overrides)),
			sync.WithOperationSettings(false, true, false, false),
			sync.WithInitialState(phase, message, results, begun),
			sync.WithServerSideApply(asked.ServerSide),
			sync.WithServerSideApplyManager(common.ArgoCDSSAManager),
		)
		if err != nil {
			return nil, err
		}
		step.Sync()
		phase, message, results = step.GetState()
		cleanup()
		time.Sleep(500 * time.Millisecond)
	}
	objects := []outcome{}
	for _, each := range results {
		objects = append(objects, outcome{
			each.ResourceKey.Kind, each.ResourceKey.Name, string(each.SyncPhase),
			string(each.Status), string(each.HookPhase), each.Message,
		})
	}
	return map[string]any{"phase": phase, "message": message, "objects": objects}, nil
}
