{{- define "cloe.name" -}}
{{- if contains "cloe" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-cloe" .Release.Name | trunc 52 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "cloe.selector" -}}
app.kubernetes.io/name: cloe
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cloe.labels" -}}
{{ include "cloe.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "cloe.secret" -}}
{{- if .Values.existingSecret }}{{ .Values.existingSecret }}{{ else }}{{ include "cloe.name" . }}{{ end -}}
{{- end }}
