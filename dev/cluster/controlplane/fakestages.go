package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The time that a real kubelet needs for a small pod whose image is present: from the pod's binding
// to its container's start, and from the container's end to the phase that reports it.
const (
	startupTime = 500 * time.Millisecond
	reportTime  = 1200 * time.Millisecond
)

// stage is what a staged pod's status shows. A kubelet writes one after the other.
type stage int

const (
	unseen   stage = iota // no status from a kubelet yet
	creating              // Pending: sandbox and container are being created
	started               // Running
	stopped               // the containers have terminated, the phase is still Running
	finished              // Succeeded or Failed
)

func stageOf(pod *corev1.Pod) stage {
	switch {
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return finished
	case pod.Status.StartTime == nil:
		return unseen
	case pod.Status.Phase == corev1.PodPending:
		return creating
	case containersTerminated(pod):
		return stopped
	default:
		return started
	}
}

func containersTerminated(pod *corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Terminated == nil {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 0
}

// nextStage is what is due for a pod that shows a kubelet's stages. since is when its present stage
// was first seen: the times in a status are whole seconds, too coarse for these.
func nextStage(pod *corev1.Pod, s script, since, now time.Time) step {
	switch stageOf(pod) {
	case unseen:
		return step{status: beingCreated(pod, now)}
	case creating:
		if left := startupTime - now.Sub(since); left > 0 {
			return step{again: earlier(left, untilDeadline(pod, pod.Status.StartTime.Time, now))}
		}
		return step{status: running(pod, now)}
	case started:
		deadline := untilDeadline(pod, pod.Status.StartTime.Time, now)
		if s.hang {
			return step{again: deadline}
		}
		if left := s.delay - now.Sub(since); left > 0 {
			return step{again: earlier(left, deadline)}
		}
		return step{status: containersEnded(pod, s, now)}
	case stopped:
		if left := reportTime - now.Sub(since); left > 0 {
			return step{again: left}
		}
		return step{status: reported(pod, now)}
	default:
		return step{}
	}
}

// earlier is the shorter of a wait and a deadline, of which 0 means none.
func earlier(wait, deadline time.Duration) time.Duration {
	if deadline > 0 {
		return min(wait, deadline)
	}
	return wait
}

func beingCreated(pod *corev1.Pod, now time.Time) *corev1.PodStatus {
	state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	status := baseStatus(pod, corev1.PodPending, corev1.ConditionFalse, now)
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, state, false))
	}
	return status
}

// containersEnded is the end of the containers while the phase is still Running.
func containersEnded(pod *corev1.Pod, s script, now time.Time) *corev1.PodStatus {
	status := ended(pod, s, s.exitCode, now)
	status.Phase = corev1.PodRunning
	return status
}

// reported is the phase that follows from how the containers ended.
func reported(pod *corev1.Pod, now time.Time) *corev1.PodStatus {
	phase := corev1.PodSucceeded
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Terminated.ExitCode != 0 {
			phase = corev1.PodFailed
		}
	}
	status := baseStatus(pod, phase, corev1.ConditionFalse, now)
	status.ContainerStatuses = pod.Status.ContainerStatuses
	return status
}
