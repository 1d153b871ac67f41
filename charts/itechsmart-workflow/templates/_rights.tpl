{{/*
The ServiceAccount of a component and its rights, from a file of the chart. Where some namespaces are
served, what it may do in a namespace are Roles there. Call with (dict "root" $ "file" PATH "name" NAME
"account" ACCOUNT "annotations" ANNOTATIONS "rules" RULES); NAME is what the role is called in the file, empty
if all of its rights are of the cluster; RULES replace those of the ClusterRole where there are any.
*/}}
{{- define "itechsmart-workflow.rights" -}}
{{- $call := . }}
{{- with .root }}
{{- $root := . }}
{{- $subject := dict "kind" "ServiceAccount" "name" $call.account "namespace" .Release.Namespace }}
{{- range (include "itechsmart-workflow.documents" (dict "root" $root "file" $call.file) | fromJson).documents }}
{{- $object := . }}
{{- $served := and (eq .metadata.name $call.name) (hasPrefix "ClusterRole" .kind) }}
{{- $_ := set .metadata "name" (include "itechsmart-workflow.named" (dict "root" $root "name" .metadata.name)) }}
{{- if .metadata.namespace }}{{ $_ := set .metadata "namespace" $root.Release.Namespace }}{{ end }}
{{- if eq .kind "ServiceAccount" }}
{{- $_ := set .metadata "name" $call.account }}
{{- with $call.annotations }}{{ $_ := set $object.metadata "annotations" . }}{{ end }}
{{- with $root.Values.image.pullSecrets }}{{ $_ := set $object "imagePullSecrets" . }}{{ end }}
{{- end }}
{{- if and $call.rules (eq .kind "ClusterRole") }}{{ $_ := set . "rules" $call.rules }}{{ end }}
{{- if .subjects }}
{{- $_ := set . "subjects" (list $subject) }}
{{- $_ := set .roleRef "name" (include "itechsmart-workflow.named" (dict "root" $root "name" .roleRef.name)) }}
{{- end }}
{{- if and $served $root.Values.namespaces }}
{{- $_ := set . "kind" (trimPrefix "Cluster" .kind) }}
{{- if .roleRef }}{{ $_ := set .roleRef "kind" "Role" }}{{ end }}
{{- range $root.Values.namespaces | sortAlpha }}
{{- $own := deepCopy $object }}
{{- $_ := set $own.metadata "namespace" . }}
{{- $_ := set $own.metadata "name" (printf "%s-served" $own.metadata.name) }}
{{- if $own.roleRef }}{{ $_ := set $own.roleRef "name" $own.metadata.name }}{{ end }}
{{- include "itechsmart-workflow.object" (dict "root" $root "object" $own) }}
{{- end }}
{{- else }}
{{- include "itechsmart-workflow.object" (dict "root" $root "object" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
