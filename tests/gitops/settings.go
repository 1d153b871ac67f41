package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/settings"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const namespace = "argocd"

// overridesOf reads the data of argocd-cm as Argo CD does: by its settings manager.
func overridesOf(data map[string]string) (map[string]v1alpha1.ResourceOverride, error) {
	server := httptest.NewServer(configuration(data))
	ctx, cancel := context.WithCancel(context.Background())
	defer func() { cancel(); server.CloseClientConnections(); server.Close() }()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		return nil, err
	}
	return settings.NewSettingsManager(ctx, client, namespace).GetResourceOverrides()
}

// configuration is an API server that holds argocd-cm and nothing else, and where nothing changes.
func configuration(data map[string]string) http.Handler {
	configMaps := corev1.ConfigMapList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMapList"},
		ListMeta: metav1.ListMeta{ResourceVersion: "1"},
		Items: []corev1.ConfigMap{{
			ObjectMeta: metav1.ObjectMeta{
				Name: common.ArgoCDConfigMapName, Namespace: namespace, ResourceVersion: "1",
				Labels: map[string]string{"app.kubernetes.io/part-of": "argocd"},
			},
			Data: data,
		}},
	}
	none := map[string]any{
		"apiVersion": "v1", "kind": "SecretList",
		"metadata": map[string]any{"resourceVersion": "1"}, "items": []any{},
	}
	return http.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		switch {
		case asked.URL.Query().Get("sendInitialEvents") != "":
			answer.WriteHeader(http.StatusUnprocessableEntity) // a list is asked for instead
			_, _ = answer.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`))
		case asked.URL.Query().Get("watch") != "":
			answer.(http.Flusher).Flush()
			<-asked.Context().Done()
		case strings.HasSuffix(asked.URL.Path, "/configmaps"):
			_ = json.NewEncoder(answer).Encode(configMaps)
		default:
			_ = json.NewEncoder(answer).Encode(none)
		}
	})
}
