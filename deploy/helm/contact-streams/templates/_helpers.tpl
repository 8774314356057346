{{- define "contact-streams.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "contact-streams.labels" -}}
app.kubernetes.io/name: contact-streams
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "contact-streams.selector" -}}
app.kubernetes.io/name: contact-streams
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "contact-streams.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "contact-streams.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "contact-streams.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* What every pod has in common: who it runs as, the configuration, a place for temporary files. */}}
{{- define "contact-streams.pod" -}}
serviceAccountName: {{ include "contact-streams.serviceAccount" . }}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: config
    configMap: {name: {{ include "contact-streams.name" . }}-config}
  - name: tmp
    emptyDir: {}
  {{- if .Values.secrets }}
  - name: secrets
    secret: {secretName: {{ .Values.secrets | quote }}}
  {{- end }}
{{- end -}}

{{- define "contact-streams.container" -}}
image: {{ include "contact-streams.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: config, mountPath: /etc/contact-streams, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.secrets }}
  - {name: secrets, mountPath: /run/secrets/contact-streams, readOnly: true}
  {{- end }}
{{- end -}}
