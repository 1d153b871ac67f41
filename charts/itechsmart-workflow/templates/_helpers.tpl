{{/* The beginning of the names of all objects. */}}
{{- define "itechsmart-workflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The name of an object in this release, from its name in manifests/install: those of a release called
itechsmart-workflow are the same. Call with (dict "root" $ "name" NAME).
*/}}
{{- define "itechsmart-workflow.named" -}}
{{- $fullname := include "itechsmart-workflow.fullname" .root -}}
{{- if eq $fullname "itechsmart-workflow" -}}
{{- .name -}}
{{- else if hasPrefix "automation-runner" .name -}}
{{- printf "%s-runner%s" $fullname (trimPrefix "automation-runner" .name) -}}
{{- else -}}
{{- printf "%s%s" $fullname (trimPrefix "itechsmart-workflow" .name) -}}
{{- end -}}
{{- end -}}

{{- define "itechsmart-workflow.serviceAccountName" -}}
{{- .Values.operator.serviceAccount.name | default (printf "%s-operator" (include "itechsmart-workflow.fullname" .)) -}}
{{- end -}}

{{- define "itechsmart-workflow.selectorLabels" -}}
app.kubernetes.io/name: itechsmart-workflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "itechsmart-workflow.receiverAccountName" -}}
{{- .Values.receiver.serviceAccount.name | default (printf "%s-receiver" (include "itechsmart-workflow.fullname" .)) -}}
{{- end -}}

{{- define "itechsmart-workflow.receiverSelectorLabels" -}}
app.kubernetes.io/name: itechsmart-workflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: receiver
{{- end -}}

{{/* "true" where the API is a container of the recorder's pod: SQLite needs its file on one machine. */}}
{{- define "itechsmart-workflow.apiBesideRecorder" -}}
{{- if and .Values.api.enabled .Values.history.enabled (eq .Values.history.database "sqlite") -}}
{{- if gt (int .Values.api.replicas) 1 -}}
{{- fail "api.replicas: with the history in SQLite there is one replica; leave it out, or set history.database to postgresql" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{- define "itechsmart-workflow.apiReplicas" -}}
{{- if kindIs "invalid" .Values.api.replicas }}2{{ else }}{{ int .Values.api.replicas }}{{ end -}}
{{- end -}}

{{- define "itechsmart-workflow.apiAccountName" -}}
{{- $kind := include "itechsmart-workflow.login" . | empty | ternary "api" "api-login" -}}
{{- .Values.api.serviceAccount.name | default (printf "%s-%s" (include "itechsmart-workflow.fullname" .) $kind) -}}
{{- end -}}

{{- define "itechsmart-workflow.apiSelectorLabels" -}}
app.kubernetes.io/name: itechsmart-workflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ include "itechsmart-workflow.apiBesideRecorder" . | empty | ternary "api" "recorder" }}
{{- end -}}

{{- define "itechsmart-workflow.recorderAccountName" -}}
{{- .Values.history.serviceAccount.name | default (printf "%s-recorder" (include "itechsmart-workflow.fullname" .)) -}}
{{- end -}}

{{- define "itechsmart-workflow.recorderSelectorLabels" -}}
app.kubernetes.io/name: itechsmart-workflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: recorder
{{- end -}}

{{/* Which nodes take a pod, by its values. */}}
{{- define "itechsmart-workflow.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Scheduling of pods, by (dict "values" VALUES "selector" LABELS). */}}
{{- define "itechsmart-workflow.scheduling" -}}
{{- include "itechsmart-workflow.placement" .values }}
topologySpreadConstraints:
  {{- with .values.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- .selector | nindent 8 }}
  {{- end }}
{{- end -}}

{{- define "itechsmart-workflow.labels" -}}
app.kubernetes.io/name: itechsmart-workflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: itechsmart-workflow
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* An image by (dict "registry" … "repository" … "tag" … "digest" …). */}}
{{- define "itechsmart-workflow.reference" -}}
{{- $name := .repository -}}
{{- if .registry }}{{ $name = printf "%s/%s" .registry .repository }}{{ end -}}
{{- if .digest }}{{ printf "%s@%s" $name .digest }}{{ else }}{{ printf "%s:%s" $name .tag }}{{ end -}}
{{- end -}}

{{- define "itechsmart-workflow.image" -}}
{{- $image := .Values.image -}}
{{- include "itechsmart-workflow.reference" (dict
  "registry" $image.registry "repository" $image.repository "digest" $image.digest
  "tag" ($image.tag | default .Chart.AppVersion)) -}}
{{- end -}}

{{/* The image of shipped actions: the operator's, unless the runner has fields of its own. */}}
{{- define "itechsmart-workflow.runnerImage" -}}
{{- $own := .Values.runner.image -}}
{{- $image := .Values.image -}}
{{- $digest := $own.digest -}}
{{- if not (or $own.registry $own.repository $own.tag $own.digest) }}{{ $digest = $image.digest }}{{ end -}}
{{- include "itechsmart-workflow.reference" (dict
  "registry" ($own.registry | default $image.registry)
  "repository" ($own.repository | default $image.repository)
  "tag" ($own.tag | default $image.tag | default .Chart.AppVersion)
  "digest" $digest) -}}
{{- end -}}

{{/* The documents of a file as {"documents": […]}. Call with (dict "root" $ "file" PATH). */}}
{{- define "itechsmart-workflow.documents" -}}
{{- $documents := list -}}
{{- range regexSplit "(?m)^---[ \t]*$" (.root.Files.Get .file) -1 -}}
{{- $document := fromYaml . -}}
{{- if $document.Error }}{{ fail (printf "%s: %s" $.file $document.Error) }}{{ end -}}
{{- if $document }}{{ $documents = append $documents $document }}{{ end -}}
{{- end -}}
{{- dict "documents" $documents | toJson -}}
{{- end -}}

{{/* An object of the release, as one more document. Call with (dict "root" $ "object" OBJECT). */}}
{{- define "itechsmart-workflow.object" }}
{{- $labels := include "itechsmart-workflow.labels" .root | fromYaml }}
{{- $metadata := .object.metadata }}
{{- $_ := set $metadata "labels" (merge dict $labels ($metadata.labels | default dict)) }}
---
{{ toYaml .object }}
{{- end }}

{{/* The selector of the namespaces that are served; nothing where that is the cluster. */}}
{{- define "itechsmart-workflow.namespaceSelector" -}}
{{- with .Values.namespaces -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: In
    values: {{ . | sortAlpha | toJson }}
{{- end -}}
{{- end -}}

{{- define "itechsmart-workflow.webhookSecret" -}}
{{- .Values.webhook.certificate.secretName | default (printf "%s-webhook" (include "itechsmart-workflow.fullname" .)) -}}
{{- end -}}

{{/* Where `helm test` runs its Workflow. */}}
{{- define "itechsmart-workflow.testNamespace" -}}
{{- .Values.tests.namespace | default (first (.Values.namespaces | default (list .Release.Namespace))) -}}
{{- end -}}
