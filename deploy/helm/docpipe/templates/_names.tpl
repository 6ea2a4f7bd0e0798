{{- define "docpipe.labels" -}}
app.kubernetes.io/name: docpipe
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* The processes of docpipe in a pod: what they are told, and what they may do. */}}
{{- define "docpipe.environment" -}}
envFrom:
  - configMapRef: {name: docpipe-settings}
  - secretRef: {name: docpipe-secrets}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- end }}

{{- /* What Dagster's instance asks for, as its own chart makes it. */}}
{{- define "docpipe.instance_environment" -}}
- {name: DAGSTER_HOME, value: {{ .Values.global.dagsterHome }}}
- name: DAGSTER_PG_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.global.postgresqlSecretName }}, key: postgresql-password}}
{{- end }}
