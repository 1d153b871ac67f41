{{/* The login of browsers: its checks, its options, and what it needs in the API's pod. */}}

{{/* "true" where browsers can log in. Fails for a configuration that lacks something. */}}
{{- define "itechsmart-workflow.login" -}}
{{- $oidc := .Values.api.oidc -}}
{{- if and .Values.api.enabled $oidc.issuer -}}
{{- include "itechsmart-workflow.checkLogin" . -}}
true
{{- else if .Values.api.enabled -}}
{{- range list "externalUrl" "clientId" "secretName" "caSecretName" "groupsClaim" "groupsFilter" "scopes" "sessionLifetime" -}}
{{- if index $oidc . }}{{ fail (printf "api.oidc.%s: set api.oidc.issuer as well; without it, browsers cannot log in" .) }}{{ end -}}
{{- end -}}
{{- if or $oidc.impersonate.users $oidc.impersonate.groups -}}
{{- fail "api.oidc.impersonate: set api.oidc.issuer as well; without it, the API impersonates no one" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "itechsmart-workflow.checkLogin" -}}
{{- $oidc := .Values.api.oidc -}}
{{- if include "itechsmart-workflow.apiBesideRecorder" . -}}
{{- fail "api.oidc.issuer: with the history in SQLite, the API shares the recorder's account, which must not impersonate users; set history.database to postgresql" -}}
{{- end -}}
{{- if not (regexMatch "^(https://[^/\\s]|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])([:/]|$))" $oidc.issuer) -}}
{{- fail (printf "api.oidc.issuer: %s must be an address with https (http only on localhost)" $oidc.issuer) -}}
{{- end -}}
{{- $_ := include "itechsmart-workflow.externalUrl" . -}}
{{- $_ := required "api.oidc.clientId: give the client ID of the API at the provider" $oidc.clientId -}}
{{- $_ := required "api.oidc.secretName: name the Secret with the keys of sessions and, unless the client is public, the client's secret" $oidc.secretName -}}
{{- if and $oidc.groupsFilter (not $oidc.groupsClaim) -}}
{{- fail "api.oidc.groupsFilter: set api.oidc.groupsClaim as well, to the claim with the user's groups" -}}
{{- end -}}
{{- if and $oidc.impersonate.groups (not $oidc.groupsClaim) -}}
{{- fail "api.oidc.impersonate.groups: set api.oidc.groupsClaim as well; without it, users have no groups" -}}
{{- end -}}
{{- if and $oidc.impersonate.users $oidc.groupsClaim (not $oidc.impersonate.groups) -}}
{{- fail "api.oidc.impersonate.groups: list the groups as well; an account that may act for the listed users in any group can act as system:masters" -}}
{{- end -}}
{{- if and $oidc.scopes (not (has "openid" $oidc.scopes)) -}}
{{- fail "api.oidc.scopes: add openid, which the login needs" -}}
{{- end -}}
{{- end -}}

{{/* The address of the API for browsers. */}}
{{- define "itechsmart-workflow.externalUrl" -}}
{{- $ingress := .Values.api.ingress -}}
{{- $url := .Values.api.oidc.externalUrl -}}
{{- if and (not $url) $ingress.enabled $ingress.host }}{{ $url = printf "https://%s" $ingress.host }}{{ end -}}
{{- $url = required "api.oidc.externalUrl: give the address of the API for browsers, such as https://automation.example.com, or enable api.ingress" $url | trimSuffix "/" -}}
{{- if not (regexMatch "^(https://[^/?#@\\s]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]+)?)$" $url) -}}
{{- fail (printf "api.oidc.externalUrl: %s must be https://HOST or https://HOST:PORT (http only on localhost)" $url) -}}
{{- end -}}
{{- $url -}}
{{- end -}}

{{- define "itechsmart-workflow.loginArgs" -}}
{{- $oidc := .Values.api.oidc -}}
- --external-url={{ include "itechsmart-workflow.externalUrl" . }}
- {{ printf "--oidc-issuer=%s" $oidc.issuer | quote }}
- {{ printf "--oidc-client-id=%s" $oidc.clientId | quote }}
{{- with $oidc.clientSecretKey }}
- --oidc-client-secret-file=/etc/login/{{ . }}
{{- end }}
{{- if $oidc.caSecretName }}
- --oidc-ca-file=/etc/login-ca/ca.crt
{{- end }}
- {{ printf "--oidc-username-claim=%s" $oidc.usernameClaim | quote }}
{{- with $oidc.groupsClaim }}
- {{ printf "--oidc-groups-claim=%s" . | quote }}
{{- end }}
{{- range $oidc.groupsFilter }}
- {{ printf "--oidc-groups-filter=%s" . | quote }}
{{- end }}
{{- with $oidc.scopes }}
- {{ printf "--oidc-scopes=%s" (join "," .) | quote }}
{{- end }}
- --session-key-file=/etc/login/{{ $oidc.sessionKeysKey }}
{{- with $oidc.sessionLifetime }}
- --session-lifetime={{ . }}
{{- end }}
{{- end -}}

{{- define "itechsmart-workflow.loginMounts" -}}
- {name: login, mountPath: /etc/login, readOnly: true}
{{- if .Values.api.oidc.caSecretName }}
- {name: login-ca, mountPath: /etc/login-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "itechsmart-workflow.loginVolumes" -}}
- name: login
  secret: {secretName: {{ .Values.api.oidc.secretName }}}
{{- with .Values.api.oidc.caSecretName }}
- name: login-ca
  secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end -}}

{{/* The rules of the ClusterRole that impersonates, where names are listed; nothing where any may be. */}}
{{- define "itechsmart-workflow.impersonationRules" -}}
{{- $names := .Values.api.oidc.impersonate -}}
{{- $claim := .Values.api.oidc.groupsClaim -}}
{{- if or $names.users $names.groups (not $claim) -}}
{{- range $kind := $claim | empty | ternary (list "users") (list "users" "groups") }}
- apiGroups: [""]
  resources: [{{ $kind }}]
  {{- with index $names $kind }}
  resourceNames: {{ . | uniq | sortAlpha | toJson }}
  {{- end }}
  verbs: [impersonate]
{{- end }}
{{- end -}}
{{- end -}}
