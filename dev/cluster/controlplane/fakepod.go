package main

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	fakePrefix = "fake.automation.itechsmart.dev/"

	messageLimit    = 4096 // the kubelet keeps the last bytes of a termination message
	exitKilled      = 137  // SIGKILL
	exitTerminated  = 143  // SIGTERM
	deadlineReason  = "DeadlineExceeded"
	deadlineMessage = "Pod was active on the node longer than the specified deadline"
)

// script is how a fake pod is to behave. Without any setting it succeeds at once, in one write.
type script struct {
	exitCode      int32
	message       string
	delay         time.Duration
	hang          bool   // runs until it is deleted or its deadline passes
	ignoreSigterm bool   // a deletion waits for the whole grace period
	imageError    string // the reason it never starts, "true" for ImagePullBackOff
	stages        bool   // one status after the other, with a kubelet's times between them
}

func readScript(pod *corev1.Pod, place int) script {
	codes := strings.Split(setting(pod, "exit-code"), ",")
	code, _ := strconv.ParseInt(strings.TrimSpace(codes[min(place, len(codes)-1)]), 10, 32)
	delay, _ := time.ParseDuration(setting(pod, "delay"))
	reason := setting(pod, "image-error")
	switch reason {
	case "true":
		reason = "ImagePullBackOff"
	case "false":
		reason = ""
	}
	message := setting(pod, "message")
	return script{
		exitCode:      int32(code),
		message:       message[max(0, len(message)-messageLimit):],
		delay:         delay,
		hang:          setting(pod, "hang") == "true",
		ignoreSigterm: setting(pod, "ignore-sigterm") == "true",
		imageError:    reason,
		stages:        setting(pod, "stages") == "true",
	}
}

// step is what is due for a pod now: a status to write, its removal, or a time to look again.
type step struct {
	status *corev1.PodStatus
	remove bool
	again  time.Duration
}

// next decides it; since is when the pod's present stage was first seen.
func next(pod *corev1.Pod, s script, since, now time.Time) step {
	over := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	started := pod.Status.StartTime
	switch {
	case pod.DeletionTimestamp != nil:
		return ending(pod, s, over, now)
	case over:
		return step{}
	case started != nil && !containersTerminated(pod) && pastDeadline(pod, now):
		status := ended(pod, s, exitKilled, now)
		status.Reason, status.Message = deadlineReason, deadlineMessage
		return step{status: status}
	case started == nil && s.imageError != "":
		return step{status: notPulled(pod, s, now), again: untilDeadline(pod, now, now)}
	case s.stages && s.imageError == "":
		return nextStage(pod, s, since, now)
	case started == nil && (s.hang || s.delay > 0):
		return step{status: running(pod, now), again: wake(pod, s, now, now)}
	case s.imageError != "":
		return step{again: untilDeadline(pod, started.Time, now)}
	case started != nil && (s.hang || now.Before(started.Add(s.delay))):
		return step{again: wake(pod, s, started.Time, now)}
	default:
		return step{status: ended(pod, s, s.exitCode, now)}
	}
}

// ending is a deletion: the program gets its signal, the last status is written, the pod goes.
func ending(pod *corev1.Pod, s script, over bool, now time.Time) step {
	if over {
		return step{remove: true}
	}
	if containersTerminated(pod) {
		return step{status: reported(pod, now), remove: true}
	}
	// DeletionTimestamp is when the grace period ends.
	if s.ignoreSigterm && now.Before(pod.DeletionTimestamp.Time) {
		return step{again: pod.DeletionTimestamp.Sub(now)}
	}
	code := int32(exitTerminated)
	if s.ignoreSigterm {
		code = exitKilled
	}
	return step{status: ended(pod, s, code, now), remove: true}
}

func pastDeadline(pod *corev1.Pod, now time.Time) bool {
	limit := pod.Spec.ActiveDeadlineSeconds
	return limit != nil && !now.Before(pod.Status.StartTime.Add(time.Duration(*limit)*time.Second))
}

func untilDeadline(pod *corev1.Pod, started, now time.Time) time.Duration {
	if pod.Spec.ActiveDeadlineSeconds == nil {
		return 0
	}
	end := started.Add(time.Duration(*pod.Spec.ActiveDeadlineSeconds) * time.Second)
	return max(end.Sub(now), time.Millisecond)
}

// wake is when a running pod is due: at its own end or its deadline, whichever comes first.
func wake(pod *corev1.Pod, s script, started, now time.Time) time.Duration {
	deadline := untilDeadline(pod, started, now)
	if s.hang {
		return deadline
	}
	end := max(started.Add(s.delay).Sub(now), time.Millisecond)
	if deadline > 0 {
		return min(end, deadline)
	}
	return end
}

func running(pod *corev1.Pod, now time.Time) *corev1.PodStatus {
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
	status := baseStatus(pod, corev1.PodRunning, corev1.ConditionTrue, now)
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, state, true))
	}
	return status
}

func notPulled(pod *corev1.Pod, s script, now time.Time) *corev1.PodStatus {
	status := baseStatus(pod, corev1.PodPending, corev1.ConditionFalse, now)
	for _, c := range pod.Spec.Containers {
		state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
			Reason: s.imageError, Message: "Back-off pulling image \"" + c.Image + "\"",
		}}
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, state, false))
	}
	return status
}

// ended is a pod whose containers have stopped; the script's code and message are the first one's.
func ended(pod *corev1.Pod, s script, code int32, now time.Time) *corev1.PodStatus {
	phase, message := corev1.PodSucceeded, s.message
	if code != 0 {
		phase = corev1.PodFailed
	}
	if code == exitTerminated || code == exitKilled {
		message = ""
	}
	status := baseStatus(pod, phase, corev1.ConditionFalse, now)
	for i, c := range pod.Spec.Containers {
		end := corev1.ContainerStateTerminated{
			Reason: "Completed", StartedAt: *status.StartTime, FinishedAt: metav1.NewTime(now),
		}
		if i == 0 {
			end.ExitCode, end.Message = code, message
		}
		if end.ExitCode != 0 {
			end.Reason = "Error"
		}
		status.ContainerStatuses = append(
			status.ContainerStatuses, containerStatus(c, corev1.ContainerState{Terminated: &end}, false))
	}
	return status
}

func baseStatus(pod *corev1.Pod, phase corev1.PodPhase, ready corev1.ConditionStatus, now time.Time) *corev1.PodStatus {
	started := pod.Status.StartTime
	if started == nil {
		t := metav1.NewTime(now)
		started = &t
	}
	status := &corev1.PodStatus{Phase: phase, StartTime: started}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady} {
		value := ready
		if kind == corev1.PodInitialized {
			value = corev1.ConditionTrue
		}
		status.Conditions = append(status.Conditions, corev1.PodCondition{
			Type: kind, Status: value, LastTransitionTime: metav1.NewTime(now),
		})
	}
	done := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: "Completed", StartedAt: *started, FinishedAt: *started,
	}}
	for _, c := range pod.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, containerStatus(c, done, true))
	}
	return status
}

func containerStatus(c corev1.Container, state corev1.ContainerState, ready bool) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: state, Ready: ready}
}
