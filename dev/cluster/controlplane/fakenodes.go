package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	fakeTaint      = fakePrefix + "node"
	leaseNamespace = "kube-node-lease"
	heartbeat      = 10 * time.Second // as the kubelet's
)

// fakeNodes plays the kubelets of nodes that do not exist: it keeps their Node objects and leases
// alive and gives the pods bound to them the statuses a kubelet would, as their annotations ask.
type fakeNodes struct {
	client   kubernetes.Interface
	pods     cache.SharedIndexInformer
	queue    workqueue.TypedRateLimitingInterface[string]
	nodes    map[string]bool
	mu       sync.Mutex
	ordinals map[string]int    // pods seen of each sequence
	places   map[types.UID]int // a pod's place in its sequence
	stages   map[types.UID]arrival
}

// arrival is when a staged pod was first seen in its present stage.
type arrival struct {
	stage stage
	at    time.Time
}

func runFakeNodes() int {
	kubeconfig := flag.String("kubeconfig", "", "credentials that may write nodes, leases and pods")
	count := flag.Int("nodes", 1, "how many nodes, fake-0 and on")
	taint := flag.Bool("taint", false, "keep pods away that do not tolerate "+fakeTaint)
	workers := flag.Int("workers", 32, "pods worked on at once")
	flag.Parse()

	client := clientFor(*kubeconfig)
	ctx := context.Background()
	f := &fakeNodes{
		client: client,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 5*time.Second)),
		nodes:    map[string]bool{},
		ordinals: map[string]int{},
		places:   map[types.UID]int{},
		stages:   map[types.UID]arrival{},
	}
	for i := range *count {
		name := fmt.Sprintf("fake-%d", i)
		f.nodes[name] = true
		must("create node "+name, f.createNode(ctx, name, *taint))
	}
	go f.heartbeats(ctx)

	bound := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(bound))
	f.pods = factory.Core().V1().Pods().Informer()
	_, err := f.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    f.enqueue,
		UpdateFunc: func(_, pod any) { f.enqueue(pod) },
		DeleteFunc: f.forget,
	})
	must("watch pods", err)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for range *workers {
		go f.work(ctx)
	}
	select {}
}

func (f *fakeNodes) enqueue(object any) {
	if pod, ok := object.(*corev1.Pod); ok && f.nodes[pod.Spec.NodeName] {
		f.queue.Add(pod.Namespace + "/" + pod.Name)
	}
}

func (f *fakeNodes) forget(object any) {
	if pod, ok := object.(*corev1.Pod); ok {
		f.mu.Lock()
		delete(f.places, pod.UID)
		delete(f.stages, pod.UID)
		f.mu.Unlock()
	}
}

func (f *fakeNodes) work(ctx context.Context) {
	for {
		key, _ := f.queue.Get()
		again, err := f.sync(ctx, key)
		switch {
		case err != nil && !apierrors.IsNotFound(err):
			klog.ErrorS(err, "pod", "key", key)
			f.queue.AddRateLimited(key)
		case again > 0:
			f.queue.Forget(key)
			f.queue.AddAfter(key, again)
		default:
			f.queue.Forget(key)
		}
		f.queue.Done(key)
	}
}

// sync does the one thing that is due for a pod, and says when to look again (0: at the next event).
func (f *fakeNodes) sync(ctx context.Context, key string) (time.Duration, error) {
	object, exists, err := f.pods.GetStore().GetByKey(key)
	if err != nil || !exists {
		return 0, err
	}
	pod := object.(*corev1.Pod)
	script := readScript(pod, f.place(pod))
	now := time.Now()
	since := now
	if script.stages {
		since = f.arrived(pod, now)
	}
	step := next(pod, script, since, now)
	if step.status != nil {
		if err := f.patchStatus(ctx, pod, step.status); err != nil {
			return 0, err
		}
	}
	if step.remove {
		return 0, f.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: ptr.To(int64(0)),
			Preconditions:      &metav1.Preconditions{UID: &pod.UID},
		})
	}
	return step.again, nil
}

// place is how many pods of the same sequence (a name within a namespace) were seen before.
func (f *fakeNodes) place(pod *corev1.Pod) int {
	name := setting(pod, "sequence")
	if name == "" {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if place, known := f.places[pod.UID]; known {
		return place
	}
	key := pod.Namespace + "/" + name
	f.places[pod.UID] = f.ordinals[key]
	f.ordinals[key]++
	return f.places[pod.UID]
}

// arrived is when a pod was first seen in its present stage.
func (f *fakeNodes) arrived(pod *corev1.Pod, now time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	current := stageOf(pod)
	seen, known := f.stages[pod.UID]
	if !known || seen.stage != current {
		seen = arrival{stage: current, at: now}
		f.stages[pod.UID] = seen
	}
	return seen.at
}

func (f *fakeNodes) patchStatus(ctx context.Context, pod *corev1.Pod, status *corev1.PodStatus) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   status,
	})
	if err != nil {
		return err
	}
	_, err = f.client.CoreV1().Pods(pod.Namespace).Patch(
		ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

func (f *fakeNodes) createNode(ctx context.Context, name string, taint bool) error {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"type": "fake", corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		}},
	}
	if taint {
		node.Spec.Taints = []corev1.Taint{{Key: fakeTaint, Value: "true", Effect: corev1.TaintEffectNoSchedule}}
	}
	if err := f.renewLease(ctx, name); err != nil {
		return err
	}
	created, err := f.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.makeReady(ctx, created)
}

func (f *fakeNodes) makeReady(ctx context.Context, node *corev1.Node) error {
	now := metav1.Now()
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("1000"),
		corev1.ResourceMemory: resource.MustParse("1Ti"),
		corev1.ResourcePods:   resource.MustParse("10000"),
	}
	node.Status = corev1.NodeStatus{
		Capacity:    resources,
		Allocatable: resources,
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Fake",
			Message: "a fake node: no container runs", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		NodeInfo: corev1.NodeSystemInfo{KubeletVersion: "fake", OperatingSystem: "linux", Architecture: "amd64"},
	}
	node.ResourceVersion = "" // the status is ours alone; controllers taint and label the node meanwhile
	_, err := f.client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

// stayReady says again that a node is ready, as a kubelet does, after the controller manager, which
// may be minutes behind once the API server was away, took it for lost.
func (f *fakeNodes) stayReady(ctx context.Context, name string) error {
	node, err := f.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return f.makeReady(ctx, node)
}

func (f *fakeNodes) heartbeats(ctx context.Context) {
	for range time.Tick(heartbeat) {
		for name := range f.nodes {
			if err := f.renewLease(ctx, name); err != nil {
				klog.ErrorS(err, "lease", "node", name)
			}
			if err := f.stayReady(ctx, name); err != nil {
				klog.ErrorS(err, "status", "node", name)
			}
		}
	}
}

func (f *fakeNodes) renewLease(ctx context.Context, name string) error {
	leases := f.client.CoordinationV1().Leases(leaseNamespace)
	spec := coordinationv1.LeaseSpec{
		HolderIdentity: &name, LeaseDurationSeconds: ptr.To(int32(40)), RenewTime: ptr.To(metav1.NowMicro()),
	}
	lease, err := leases.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: leaseNamespace}, Spec: spec,
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec = spec
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

// setting is one word of a pod's script: an annotation, for one index of an Indexed Job if it says
// so (KEY-3), or else a plain environment variable of the first container (FAKE_KEY), which a
// template can render for each of its nodes.
func setting(pod *corev1.Pod, key string) string {
	if index, ok := pod.Annotations["batch.kubernetes.io/job-completion-index"]; ok {
		if value, ok := pod.Annotations[fakePrefix+key+"-"+index]; ok {
			return value
		}
	}
	if value, ok := pod.Annotations[fakePrefix+key]; ok {
		return value
	}
	variable := "FAKE_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
	for _, entry := range pod.Spec.Containers[0].Env {
		if entry.Name == variable {
			return entry.Value
		}
	}
	return ""
}
