{{- define "itechsmart-workflow.historyFolder" -}}
/var/lib/itechsmart-workflow
{{- end -}}

{{/* Where the history is, as environment variables. Call with (dict "root" $ "key" KEY) with a key of the Secret. */}}
{{- define "itechsmart-workflow.historyEnv" -}}
{{- $history := .root.Values.history -}}
{{- if eq $history.database "sqlite" -}}
- name: ORCHESTRATOR_HISTORY_DATABASE
  value: sqlite:///{{ include "itechsmart-workflow.historyFolder" . }}/history.sqlite
# The root file system is read-only.
- name: SQLITE_TMPDIR
  value: {{ include "itechsmart-workflow.historyFolder" . }}
{{- else -}}
- name: ORCHESTRATOR_HISTORY_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ required "history.postgresql.secretName: name the Secret with the URL of the database" $history.postgresql.secretName }}
      key: {{ .key }}
{{- end -}}
{{- end -}}
