{{/* Where the logs of nodes are kept: options of the recorder and of the API, and the files that they need. */}}

{{/* "true" where logs are kept in a bucket. Fails for values that have no effect without one. */}}
{{- define "itechsmart-workflow.logsInBucket" -}}
{{- $logs := .Values.history.logs -}}
{{- if and .Values.history.enabled (hasPrefix "s3://" $logs.place) -}}
true
{{- else if .Values.history.enabled -}}
{{- range list "endpoint" "region" "credentialsSecretName" "apiCredentialsSecretName" "caSecretName" -}}
{{- if index $logs . }}{{ fail (printf "history.logs.%s: set history.logs.place to s3://BUCKET/PREFIX as well, or leave it out" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (dict "root" $ "secret" NAME) with the Secret of the credentials, as for the two below. */}}
{{- define "itechsmart-workflow.bucketArgs" -}}
{{- $logs := .root.Values.history.logs -}}
- {{ printf "--logs=%s" $logs.place | quote }}
{{- with $logs.endpoint }}
- {{ printf "--logs-endpoint=%s" . | quote }}
{{- end }}
{{- with $logs.region }}
- --logs-region={{ . }}
{{- end }}
{{- if $logs.caSecretName }}
- --logs-ca=/run/logs-ca/ca.crt
{{- end }}
{{- if .secret }}
- --logs-credentials=/run/logs-credentials
{{- end }}
{{- end -}}

{{/* With "prefix" as well, which begins the names of the volumes: both may be in one pod. */}}
{{- define "itechsmart-workflow.bucketMounts" -}}
{{- if .secret }}
- {name: {{ .prefix }}logs-credentials, mountPath: /run/logs-credentials, readOnly: true}
{{- end }}
{{- if .root.Values.history.logs.caSecretName }}
- {name: {{ .prefix }}logs-ca, mountPath: /run/logs-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "itechsmart-workflow.bucketVolumes" -}}
{{- with .secret }}
- name: {{ $.prefix }}logs-credentials
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .root.Values.history.logs.caSecretName }}
- name: {{ $.prefix }}logs-ca
  secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end -}}

{{/* The Secret of the credentials with which the API reads. */}}
{{- define "itechsmart-workflow.apiBucketSecret" -}}
{{- .Values.history.logs.apiCredentialsSecretName | default .Values.history.logs.credentialsSecretName -}}
{{- end -}}
