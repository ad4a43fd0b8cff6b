# Brushmark for visitors: the Check page on port 7860, nothing kept. See docs/hosting.md.
FROM python:3.12-slim

# Hugging Face Spaces run a container as user 1000; nobody needs root anywhere.
RUN useradd --create-home --uid 1000 brushmark
WORKDIR /app
RUN chown brushmark:brushmark /app
USER brushmark
ENV PATH=/home/brushmark/.local/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

COPY --chown=brushmark:brushmark pyproject.toml README.md LICENSE ./
COPY --chown=brushmark:brushmark backend backend
COPY --chown=brushmark:brushmark dashboard dashboard
COPY --chown=brushmark:brushmark weights weights
# Editable, since the weights lie beside the code and not within a package.
RUN pip install --user --no-cache-dir --editable .

ENV BRUSHMARK_HOME=/home/brushmark/data \
    BRUSHMARK_HOST=0.0.0.0 \
    BRUSHMARK_DASHBOARD_PORT=7860 \
    BRUSHMARK_PUBLIC=on
EXPOSE 7860 8765

HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; [u.urlopen(f'http://127.0.0.1:{a}', timeout=4) for a in ('8765/readyz', '7860/_stcore/health')]"]

# A Space names its own host in SPACE_HOST; anywhere else set BRUSHMARK_TRUSTED_HOSTS.
CMD ["sh", "-c", "export BRUSHMARK_TRUSTED_HOSTS=\"${BRUSHMARK_TRUSTED_HOSTS:-$SPACE_HOST}\"; exec brushmark up"]
