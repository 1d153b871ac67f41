{{/* The API, in a pod of its own or in the recorder's. */}}
{{- define "itechsmart-workflow.apiContainer" -}}
{{- $api := .Values.api -}}
{{- $history := .Values.history -}}
{{- $beside := include "itechsmart-workflow.apiBesideRecorder" . -}}
{{- $bucket := dict "root" . "prefix" "api-" "secret" (include "itechsmart-workflow.apiBucketSecret" .) -}}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty $api.tls.secretName)) -}}
- name: api
  image: {{ include "itechsmart-workflow.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - api
    - --log-format={{ $api.logFormat }}
    {{- if ne $api.logLevel "info" }}
    - --log-level={{ $api.logLevel }}
    {{- end }}
    - --address=:8091
    - --health-address=:8081
    {{- if $api.tls.secretName }}
    - --tls-certificate=/run/tls/tls.crt
    - --tls-key=/run/tls/tls.key
    {{- end }}
    {{- if include "itechsmart-workflow.logsInBucket" . }}
    {{- include "itechsmart-workflow.bucketArgs" $bucket | nindent 4 }}
    {{- end }}
    {{- if include "itechsmart-workflow.login" . }}
    {{- include "itechsmart-workflow.loginArgs" . | nindent 4 }}
    {{- end }}
    {{- range $api.extraArgs }}
    - {{ . | quote }}
    {{- end }}
  {{- if or $history.enabled $api.extraEnv }}
  env:
    {{- if $history.enabled }}
    {{- include "itechsmart-workflow.historyEnv" (dict "root" . "key" ($history.postgresql.apiKey | default $history.postgresql.key)) | nindent 4 }}
    {{- end }}
    {{- with $api.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  ports:
    - {name: api, containerPort: 8091}
    - {name: api-metrics, containerPort: 8081}
  {{- if not $beside }}
  lifecycle:
    # Until no proxy sends new requests here.
    preStop:
      sleep: {seconds: 5}
  {{- end }}
  livenessProbe:
    httpGet: {path: /automation/health, port: api, scheme: {{ $scheme }}}
    periodSeconds: 20
    timeoutSeconds: 5
    failureThreshold: 3
  readinessProbe:
    httpGet: {path: /automation/readiness, port: api, scheme: {{ $scheme }}}
    periodSeconds: 5
    timeoutSeconds: 5
  {{- with $api.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $api.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- if $beside }}
    # A reader of SQLite's write-ahead log writes to its index.
    - {name: history, mountPath: {{ include "itechsmart-workflow.historyFolder" . }}}
    {{- end }}
    {{- if include "itechsmart-workflow.login" . }}
    {{- include "itechsmart-workflow.loginMounts" . | nindent 4 }}
    {{- else }}
    - {name: api-server, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
    {{- end }}
    {{- if $api.tls.secretName }}
    - {name: api-tls, mountPath: /run/tls, readOnly: true}
    {{- end }}
    {{- if include "itechsmart-workflow.logsInBucket" . }}
    {{- include "itechsmart-workflow.bucketMounts" $bucket | indent 4 }}
    {{- end }}
    {{- with $api.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "itechsmart-workflow.apiVolumes" -}}
{{- if include "itechsmart-workflow.login" . }}
{{- include "itechsmart-workflow.loginVolumes" . }}
{{- else -}}
# The authority of the API server's certificate, and no token.
- name: api-server
  configMap: {name: kube-root-ca.crt}
{{- end }}
{{- if include "itechsmart-workflow.logsInBucket" . }}
{{- include "itechsmart-workflow.bucketVolumes" (dict "root" . "prefix" "api-"
  "secret" (include "itechsmart-workflow.apiBucketSecret" .)) }}
{{- end }}
{{- with .Values.api.tls.secretName }}
- name: api-tls
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .Values.api.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
