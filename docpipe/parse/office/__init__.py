"""What Office files need beside docling's readers: conversion, passwords, sheets too large for them."""
