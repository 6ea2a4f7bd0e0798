"""Deletes what nobody needs any more: artifacts of earlier versions, evidence of old failures, numbers of long ago."""
