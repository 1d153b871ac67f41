package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	provisionerName = "dev.automation.itechsmart.dev/folder"

	// Set by the PersistentVolume controller and the scheduler.
	provisionerAnnotation  = "volume.kubernetes.io/storage-provisioner"
	selectedNodeAnnotation = "volume.kubernetes.io/selected-node"
	provisionedBy          = "pv.kubernetes.io/provisioned-by"
)

// provisioner makes a folder for each claim of its StorageClass and removes it with the volume.
type provisioner struct {
	client kubernetes.Interface
	root   string
}

func runProvisioner() int {
	kubeconfig := flag.String("kubeconfig", "", "credentials that may write PersistentVolumes")
	root := flag.String("folder", "", "where the volumes' folders are made")
	flag.Parse()

	p := &provisioner{client: clientFor(*kubeconfig), root: *root}
	ctx := context.Background()
	// The resync repeats what failed.
	factory := informers.NewSharedInformerFactory(p.client, 10*time.Second)
	p.watch(factory.Core().V1().PersistentVolumeClaims().Informer(), func(object any) error {
		return p.provision(ctx, object.(*corev1.PersistentVolumeClaim))
	})
	p.watch(factory.Core().V1().PersistentVolumes().Informer(), func(object any) error {
		return p.reclaim(ctx, object.(*corev1.PersistentVolume))
	})
	factory.Start(ctx.Done())
	select {}
}

func (p *provisioner) watch(informer cache.SharedIndexInformer, sync func(any) error) {
	handle := func(object any) {
		if err := sync(object); err != nil {
			klog.ErrorS(err, "volume")
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    handle,
		UpdateFunc: func(_, object any) { handle(object) },
	})
	must("watch volumes", err)
}

func (p *provisioner) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	node := claim.Annotations[selectedNodeAnnotation]
	if claim.Annotations[provisionerAnnotation] != provisionerName || node == "" || claim.Spec.VolumeName != "" ||
		claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	folder := filepath.Join(p.root, name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(folder, 0o777); err != nil { // despite the umask: pods are not root
		return err
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, volume(name, folder, node, claim), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func volume(name, folder, node string, claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisionerName}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      claim.Spec.Resources.Requests,
			StorageClassName:              ptr.Deref(claim.Spec.StorageClassName, ""),
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: folder, Type: ptr.To(corev1.HostPathDirectory)},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
				}}}},
			}},
		},
	}
}

func (p *provisioner) reclaim(ctx context.Context, pv *corev1.PersistentVolume) error {
	if pv.Annotations[provisionedBy] != provisionerName || pv.Status.Phase != corev1.VolumeReleased ||
		pv.DeletionTimestamp != nil || pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(p.root, pv.Name)); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, pv.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// clientFor gives a client without limits of its own, speaking the API server's fastest encoding.
func clientFor(kubeconfig string) kubernetes.Interface {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	must("read "+kubeconfig, err)
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return kubernetes.NewForConfigOrDie(config)
}

func must(what string, err error) {
	if err != nil {
		klog.ErrorS(err, what)
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}
